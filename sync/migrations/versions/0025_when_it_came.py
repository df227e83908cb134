"""What came since a moment is found without reading the XML of all that ever came."""

from alembic import op

revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_submission_versions_received_at', 'submission_versions', ['received_at'])
