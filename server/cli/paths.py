"""Files and folders as commands take them."""

from __future__ import annotations

from pathlib import Path

import click

FOLDER = click.Path(file_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def ending(path: Path) -> str:
    """What the file's name says it is: xlsx, csv, md."""
    return path.suffix.lower().removeprefix(".")
