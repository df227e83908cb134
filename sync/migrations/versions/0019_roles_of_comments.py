"""As what somebody commented: who may hear it is seen from that."""

import sqlalchemy as sa
from alembic import op

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('submission_comments', sa.Column('role', sa.Text(), nullable=True))
    op.execute(
        "UPDATE submission_comments SET role = "
        "(SELECT users.role FROM users WHERE 'user:' || users.id = submission_comments.actor)"
    )
