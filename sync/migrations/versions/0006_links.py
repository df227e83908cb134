"""Entities that are one person are linked, and records keep which of them they named."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

IN_FORCE = sa.text('undone_at IS NULL')


def upgrade() -> None:
    op.create_table(
        'entity_links',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('list_name', sa.Text(), nullable=False),
        sa.Column('uuid', sa.Text(), nullable=False),
        sa.Column('canonical', sa.Text(), nullable=False),
        sa.Column('choices', sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), 'postgresql'), nullable=False),
        sa.Column('actor', sa.Text(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('undone_by', sa.Text(), nullable=True),
        sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_entity_links')),
    )
    op.create_index(
        'ix_entity_links_in_force',
        'entity_links',
        ['list_name', 'uuid'],
        unique=True,
        sqlite_where=IN_FORCE,
        postgresql_where=IN_FORCE,
    )
    op.add_column('entities', sa.Column('linked_to', sa.Text(), nullable=True))
    op.add_column('records', sa.Column('reported_id', sa.Text(), nullable=True))
