"""What is counted once at each place is kept of every club: a city's report reads no records."""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'counted_once',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('calendar', sa.Text(), nullable=False),
        sa.Column('period', sa.Text(), nullable=False),
        sa.Column('club_id', sa.Text(), nullable=False),
        sa.Column('indicator', sa.Text(), nullable=False),
        sa.Column('under', sa.Text(), nullable=False),
        sa.Column('behind', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_counted_once')),
        sa.UniqueConstraint('calendar', 'period', 'club_id', 'indicator', name=op.f('uq_counted_once_calendar_period_club_id_indicator')),
    )
