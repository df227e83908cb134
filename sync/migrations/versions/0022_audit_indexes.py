"""What one person did, and what was done with one thing, is found by an index, the newest first."""

from alembic import op

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_audit_events_actor', 'audit_events', ['actor', 'id'])
    op.create_index('ix_audit_events_subject', 'audit_events', ['subject', 'id'])
