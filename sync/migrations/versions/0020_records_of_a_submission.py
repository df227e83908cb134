"""What is a submission's, and what is counted with another, is found by an index.

That of the version goes: the unique one begins with it.
"""

import sqlalchemy as sa
from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_records_submission_id', 'records', ['submission_id'])
    repeats = sa.text("table_path = '' AND counted_with IS NOT NULL")
    op.create_index(
        'ix_records_repeats',
        'records',
        ['counted_with'],
        sqlite_where=repeats,
        postgresql_where=repeats,
    )
    op.drop_index('ix_records_submission_version_id', 'records')
