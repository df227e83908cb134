"""Phones: drafts and links, sessions, slices of lists, decisions about entities, expected files."""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('forms', sa.Column('public_key', sa.Text(), nullable=True))
    op.add_column('app_users', sa.Column('kind', sa.Text(), server_default=sa.text("'phone'"), nullable=False))
    op.add_column('app_users', sa.Column('form_id', sa.Integer(), nullable=True))
    op.add_column('app_users', sa.Column('person_id', sa.Text(), nullable=True))
    op.add_column('app_users', sa.Column('user_agent', sa.Text(), nullable=True))
    op.add_column('app_users', sa.Column('device_id', sa.Text(), nullable=True))
    op.add_column('app_users', sa.Column('clock_offset_seconds', sa.Integer(), nullable=True))
    op.add_column('records', sa.Column('number', sa.Integer(), nullable=True))
    op.add_column('entity_versions', sa.Column('actor', sa.Text(), nullable=True))
    op.create_index('ix_submission_versions_app_user_id_received_at', 'submission_versions', ['app_user_id', 'received_at'])
    op.create_index('ix_submission_versions_user_id_received_at', 'submission_versions', ['user_id', 'received_at'], sqlite_where=sa.text('user_id IS NOT NULL'), postgresql_where=sa.text('user_id IS NOT NULL'))
    op.create_table('sessions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('token_sha256', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_sessions_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sessions')),
    sa.UniqueConstraint('token_sha256', name=op.f('uq_sessions_token_sha256'))
    )
    op.create_table('expected_attachments',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('submission_version_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['submission_version_id'], ['submission_versions.id'], name=op.f('fk_expected_attachments_submission_version_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_expected_attachments')),
    sa.UniqueConstraint('submission_version_id', 'name', name=op.f('uq_expected_attachments_submission_version_id_name'))
    )
    op.create_table('sealed_submissions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('submission_version_id', sa.Integer(), nullable=False),
    sa.Column('xml', sa.LargeBinary(), nullable=True),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('problem', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['submission_version_id'], ['submission_versions.id'], name=op.f('fk_sealed_submissions_submission_version_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sealed_submissions')),
    sa.UniqueConstraint('submission_version_id', name=op.f('uq_sealed_submissions_submission_version_id'))
    )
    op.create_table('entity_decisions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('list_name', sa.Text(), nullable=False),
    sa.Column('uuid', sa.Text(), nullable=False),
    sa.Column('submission_version_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['submission_version_id'], ['submission_versions.id'], name=op.f('fk_entity_decisions_submission_version_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_entity_decisions')),
    sa.UniqueConstraint('submission_version_id', 'list_name', 'uuid', 'position', 'kind', name=op.f('uq_entity_decisions_submission_version_id_list_name_uuid_position_kind'))
    )
    op.create_index('ix_entity_decisions_uuid', 'entity_decisions', ['uuid'])
    op.create_table('slice_marks',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('list_id', sa.Integer(), nullable=False),
    sa.Column('rule', sa.Text(), nullable=False),
    sa.Column('club_id', sa.Text(), nullable=False),
    sa.Column('rows', sa.Integer(), nullable=False),
    sa.Column('sum', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['list_id'], ['entity_lists.id'], name=op.f('fk_slice_marks_list_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_slice_marks')),
    sa.UniqueConstraint('list_id', 'rule', 'club_id', name=op.f('uq_slice_marks_list_id_rule_club_id'))
    )
    op.create_table('counters',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_counters'))
    )
