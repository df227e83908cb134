"""People say of two reports that they tell of one event, or of two; and why one counts with another."""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

IN_FORCE = sa.text('undone_at IS NULL')


def upgrade() -> None:
    op.create_table(
        'event_decisions',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('submission_id', sa.Integer(), nullable=False),
        sa.Column('other_id', sa.Integer(), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('actor', sa.Text(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('undone_by', sa.Text(), nullable=True),
        sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['submission_id'], ['submissions.id'], name=op.f('fk_event_decisions_submission_id')),
        sa.ForeignKeyConstraint(['other_id'], ['submissions.id'], name=op.f('fk_event_decisions_other_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_event_decisions')),
    )
    op.create_index('ix_event_decisions_other_id', 'event_decisions', ['other_id'])
    op.create_index(
        'ix_event_decisions_in_force',
        'event_decisions',
        ['submission_id', 'other_id'],
        unique=True,
        sqlite_where=IN_FORCE,
        postgresql_where=IN_FORCE,
    )
    op.add_column('records', sa.Column('counted_by', sa.Text(), nullable=True))
