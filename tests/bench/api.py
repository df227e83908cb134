"""Schemathesis asks every operation of the API rightly, wrongly and strangely; both databases."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

import click

from server.runtime import open_vault
from server.settings import Settings
from sync.database import Database
from sync.migrations import upgrade
from tests.bench.machine import machine
from tests.postgres import a_postgres
from tests.server import asking
from tests.server.conftest import open_door


def main(arguments: list[str]) -> None:
    """Print what went wrong; exit status 1 where anything did."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench api", description=__doc__)
    parser.add_argument("--examples", type=int, default=50, help="of each operation and way")
    logging.disable(logging.CRITICAL)  # each 501 would be a line
    examples = parser.parse_args(arguments).examples
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        click.echo(machine(folder))
        slips = _ask("SQLite", f"sqlite:///{folder / 'cayda.db'}", folder / "sqlite", examples)
        with a_postgres(folder / "pg") as url:
            slips += _ask("PostgreSQL", url, folder / "postgres", examples)
    sys.exit(1 if slips else 0)


def _ask(kind: str, url: str, folder: Path, examples: int) -> int:
    folder.mkdir()
    database = Database(url, open_vault(Settings(folder)))
    upgrade(database)
    began, slips = time.monotonic(), 0
    for label, said in asking.ask_all(
        asking.furnish(open_door(database, folder)), examples, strangely=True
    ):
        slips += 1
        click.echo(f"{kind}: {label}\n{said}\n")
    click.echo(f"{kind}: {slips} slips, {time.monotonic() - began:.0f} s")
    database.dispose()
    return slips
