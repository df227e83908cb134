"""What somebody may see: a role, with units and clubs by the codes people know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def takes_scope(command: Callable[..., Any]) -> Callable[..., Any]:
    """--role, and what it is bound to."""
    command = click.option("--club", help="Mã CLB / club code.")(command)
    command = click.option("--unit", help="Mã đơn vị / unit code.")(command)
    return click.option("--role", required=True)(command)
