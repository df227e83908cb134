"""Whom an event of the access log showed."""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'seen_people',
        sa.Column('event_id', sa.Integer(), nullable=False),
        sa.Column('list_name', sa.Text(), nullable=False),
        sa.Column('uuid', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['event_id'], ['audit_events.id'], name=op.f('fk_seen_people_event_id_audit_events')),
        sa.PrimaryKeyConstraint('event_id', 'list_name', 'uuid', name=op.f('pk_seen_people')),
    )
    op.create_index('ix_seen_people_uuid', 'seen_people', ['uuid', 'event_id'])
