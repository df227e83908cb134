"""What people ask about their data, and what was done about it."""

import sqlalchemy as sa
from alembic import op

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'privacy_requests',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('list_name', sa.Text(), nullable=False),
        sa.Column('uuid', sa.Text(), nullable=False),
        sa.Column('received_on', sa.Date(), nullable=False),
        sa.Column('paper', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_privacy_requests')),
    )
    op.create_index('ix_privacy_requests_uuid', 'privacy_requests', ['uuid'])
    op.create_table(
        'privacy_steps',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('request_id', sa.Integer(), nullable=False),
        sa.Column('act', sa.Text(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('actor', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['request_id'], ['privacy_requests.id'], name=op.f('fk_privacy_steps_request_id_privacy_requests')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_privacy_steps')),
    )
    op.create_index(op.f('ix_privacy_steps_request_id'), 'privacy_steps', ['request_id'])
