"""--key: the private key of encrypted forms, read into this process and nowhere else."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, BinaryIO

import click


def takes_key(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command `key`: None, or the private key of the file named ("-" = stdin)."""

    @click.option(
        "--key",
        "file",
        type=click.File("rb"),
        help="Khóa riêng mở phiếu mã hóa, “-” = stdin / private key of encrypted forms.",
    )
    @functools.wraps(command)
    def wrapped(*args: Any, file: BinaryIO | None, **given: Any) -> Any:
        from forms.encrypted import read_private_key

        key = None if file is None else read_private_key(file.read())
        return command(*args, key=key, **given)

    return wrapped
