"""The address phones call: what stands in the codes they scan."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from server.runtime import Runtime


def takes_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """--server"""
    return click.option(
        "--server",
        metavar="URL",
        help="Địa chỉ máy chủ mà điện thoại gọi / address phones see (CAYDA_PUBLIC_URL).",
    )(command)


def find_origin(runtime: Runtime, server: str | None) -> str:
    """Scheme and host for the codes: as given, as set, else this machine's own.

    SettingError for one that no phone could call.
    """
    from server.serve import base_url
    from server.settings import read_address

    given = read_address("--server", server) or runtime.settings.public_url
    return given or base_url(runtime.settings)
