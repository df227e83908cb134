"""Whom a deleted submission was about: its record is gone, and she may not agree any more."""

import sqlalchemy as sa
from alembic import op

revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('submission_comments', sa.Column('subject_id', sa.Text(), nullable=True))
