"""The next version of the code, as a deploy brings it: one more migration, and all derived anew."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from sync.generation import GENERATION
from sync.migrations import HEAD
from tests.server.serving import ROOT

NEXT = f"{int(HEAD) + 1:04d}"
MIGRATION = f'''"""Something that only the next version knows."""

import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{HEAD}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("app_users", sa.Column("next", sa.Text(), nullable=True))
'''


def new_version(home: Path) -> Path:
    """A home to run the code from; all but `sync` is today's."""
    home.mkdir(parents=True)
    for room in ("forms", "server"):
        (home / room).symlink_to(ROOT / room)
    shutil.copytree(ROOT / "sync", home / "sync", ignore=shutil.ignore_patterns("__pycache__"))
    (home / "sync" / "migrations" / "versions" / f"{NEXT}_next.py").write_text(MIGRATION)
    _change(home / "sync" / "migrations" / "__init__.py", f'"{HEAD}"', f'"{NEXT}"')
    _change(
        home / "sync" / "generation.py",
        f"GENERATION = {GENERATION}",
        f"GENERATION = {GENERATION + 1}",
    )
    return home


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    changed, count = re.subn(re.escape(old), new, text)
    assert count == 1, f"{file.name}: {old} stands there {count} times"
    file.write_text(changed, encoding="utf-8")
