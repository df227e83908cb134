"""Of a step of a report the comment alone may change: a person's name is taken out of it."""

from alembic import op

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None

FIXED = 'id, report_id, number, level, place, act, at, actor, sha256'


def upgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        op.execute('DROP TRIGGER report_steps_update')
        op.execute(
            f'CREATE TRIGGER report_steps_update BEFORE UPDATE OF {FIXED} ON report_steps '
            "BEGIN SELECT RAISE(ABORT, 'a row of report_steps is never changed'); END"
        )
        return
    op.execute('DROP TRIGGER report_steps_kept ON report_steps')
    op.execute(
        f'CREATE TRIGGER report_steps_kept BEFORE UPDATE OF {FIXED} OR DELETE ON report_steps '
        'FOR EACH ROW EXECUTE FUNCTION cayda_is_kept()'
    )
