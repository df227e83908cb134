"""People who were erased: the proof, what is stripped when it comes later, files to be deleted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), 'postgresql')


def upgrade() -> None:
    op.create_table(
        'erasures',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('actor', sa.Text(), nullable=False),
        sa.Column('proof', JSON, nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_erasures')),
    )
    op.create_table(
        'erased_entities',
        sa.Column('list_name', sa.Text(), nullable=False),
        sa.Column('uuid', sa.Text(), nullable=False),
        sa.Column('erasure_id', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['erasure_id'], ['erasures.id'], name=op.f('fk_erased_entities_erasure_id_erasures')),
        sa.PrimaryKeyConstraint('list_name', 'uuid', name=op.f('pk_erased_entities')),
    )
    op.create_table(
        'doomed_blobs',
        sa.Column('sha256', sa.Text(), nullable=False),
        sa.Column('since', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('sha256', name=op.f('pk_doomed_blobs')),
    )
    op.add_column('submission_versions', sa.Column('erased_at', sa.DateTime(timezone=True)))
