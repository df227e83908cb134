"""Whom a record names is kept: a club's figures ask for what names its own, not for all records."""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'mentions',
        sa.Column('record_id', sa.Integer(), nullable=False),
        sa.Column('uuid', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['record_id'], ['records.id'], name=op.f('fk_mentions_record_id_records'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('record_id', 'uuid', name=op.f('pk_mentions')),
    )
    op.create_index('ix_mentions_uuid', 'mentions', ['uuid', 'record_id'])
