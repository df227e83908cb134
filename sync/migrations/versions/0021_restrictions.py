"""People whose data is shown to nobody but the desk."""

import sqlalchemy as sa
from alembic import op

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'restrictions',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('list_name', sa.Text(), nullable=False),
        sa.Column('uuid', sa.Text(), nullable=False),
        sa.Column('request_id', sa.Integer(), nullable=False),
        sa.Column('actor', sa.Text(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('undone_by', sa.Text(), nullable=True),
        sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_restrictions')),
    )
    op.create_index(
        'ix_restrictions_in_force', 'restrictions', ['list_name', 'uuid'], unique=True,
        sqlite_where=sa.text('undone_at IS NULL'), postgresql_where=sa.text('undone_at IS NULL'),
    )
    op.add_column('entities', sa.Column('restricted', sa.Boolean(), nullable=False, server_default=sa.text('false')))
    op.create_index(
        'ix_entities_restricted', 'entities', ['uuid'], unique=False,
        sqlite_where=sa.text('restricted = 1'), postgresql_where=sa.text('restricted'),
    )
