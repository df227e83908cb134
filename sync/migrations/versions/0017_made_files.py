"""Files that people ordered."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), 'postgresql')

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'made_files',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('what', JSON, nullable=False),
        sa.Column('ordered_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('epoch', sa.Integer(), nullable=False),
        sa.Column('rows_done', sa.Integer(), nullable=False),
        sa.Column('rows_total', sa.Integer(), nullable=True),
        sa.Column('made_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('content_type', sa.Text(), nullable=False),
        sa.Column('size', sa.BigInteger(), nullable=False),
        sa.Column('rights', sa.Text(), nullable=False),
        sa.Column('problem', JSON, nullable=True),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_made_files_user_id_users')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_made_files')),
    )
    op.create_index(op.f('ix_made_files_user_id'), 'made_files', ['user_id'])
    op.create_table(
        'made_file_pieces',
        sa.Column('file_id', sa.Integer(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('content', sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(['file_id'], ['made_files.id'], name=op.f('fk_made_file_pieces_file_id_made_files')),
        sa.PrimaryKeyConstraint('file_id', 'number', name=op.f('pk_made_file_pieces')),
    )
    op.create_table(
        'made_file_people',
        sa.Column('file_id', sa.Integer(), nullable=False),
        sa.Column('list_name', sa.Text(), nullable=False),
        sa.Column('uuid', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['file_id'], ['made_files.id'], name=op.f('fk_made_file_people_file_id_made_files')),
        sa.PrimaryKeyConstraint('file_id', 'list_name', 'uuid', name=op.f('pk_made_file_people')),
    )
    op.create_index('ix_made_file_people_uuid', 'made_file_people', ['uuid', 'list_name'])
