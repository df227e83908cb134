"""Counting one club reads its own records: by form and repeat, those that count, those held back."""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index('ix_records_club', 'records')
    op.create_index('ix_records_club', 'records', ['club_id', 'form', 'table_path', 'happened_on'])
    op.create_index('ix_records_counted', 'records', ['club_id', 'happened_on', 'submission_id'], sqlite_where=sa.text("table_path = '' AND counted_with IS NULL AND held_back = 0"), postgresql_where=sa.text("table_path = '' AND counted_with IS NULL AND NOT held_back"))
    op.create_index('ix_records_held_back', 'records', ['club_id'], sqlite_where=sa.text("table_path = '' AND held_back = 1"), postgresql_where=sa.text("table_path = '' AND held_back"))
