"""Who may be one person: profiles, keys to find them by, pairs, and what people decided of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), 'postgresql')


def upgrade() -> None:
    op.create_table(
        'match_profiles',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('list_name', sa.Text(), nullable=False),
        sa.Column('uuid', sa.Text(), nullable=False),
        sa.Column('profile', JSON, nullable=False),
        sa.Column('facts', sa.Text(), nullable=False),
        sa.Column('made_by', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_match_profiles')),
        sa.UniqueConstraint('list_name', 'uuid', name=op.f('uq_match_profiles_list_name_uuid')),
    )
    op.create_table(
        'match_keys',
        sa.Column('key', sa.BigInteger(), nullable=False),
        sa.Column('profile_id', sa.Integer(), nullable=False),
        sa.Column('most', sa.Integer(), nullable=False),
        sa.Column('crowd', sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint('key', 'profile_id', name=op.f('pk_match_keys')),
        sqlite_with_rowid=False,
    )
    op.create_index('ix_match_keys_profile_id', 'match_keys', ['profile_id'])
    op.create_table(
        'match_places',
        sa.Column('club_id', sa.Text(), nullable=False),
        sa.Column('level', sa.Text(), nullable=False),
        sa.Column('place', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('club_id', 'level', name=op.f('pk_match_places')),
    )
    op.create_table(
        'duplicate_pairs',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('list_name', sa.Text(), nullable=False),
        sa.Column('one', sa.Text(), nullable=False),
        sa.Column('other', sa.Text(), nullable=False),
        sa.Column('band', sa.Text(), nullable=False),
        sa.Column('bits', sa.Float(), nullable=False),
        sa.Column('levels', JSON, nullable=False),
        sa.Column('found_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_duplicate_pairs')),
        sa.UniqueConstraint('list_name', 'one', 'other', name=op.f('uq_duplicate_pairs_list_name_one_other')),
    )
    op.create_index('ix_duplicate_pairs_other', 'duplicate_pairs', ['list_name', 'other'])
    op.create_table(
        'duplicate_dismissals',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('list_name', sa.Text(), nullable=False),
        sa.Column('one', sa.Text(), nullable=False),
        sa.Column('other', sa.Text(), nullable=False),
        sa.Column('facts_of_one', sa.Text(), nullable=False),
        sa.Column('facts_of_other', sa.Text(), nullable=False),
        sa.Column('actor', sa.Text(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_duplicate_dismissals')),
        sa.UniqueConstraint('list_name', 'one', 'other', name=op.f('uq_duplicate_dismissals_list_name_one_other')),
    )
    op.create_table(
        'match_weights',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('list_name', sa.Text(), nullable=False),
        sa.Column('weights', JSON, nullable=False),
        sa.Column('sha256', sa.Text(), nullable=False),
        sa.Column('entities', sa.Integer(), nullable=False),
        sa.Column('actor', sa.Text(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_match_weights')),
    )
    op.create_table(
        'secrets',
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('value', sa.LargeBinary(), nullable=False),
        sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('name', name=op.f('pk_secrets')),
    )
