"""A command typed wrong, said in Vietnamese and in English."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click


@contextmanager
def said_in_both_languages(context: click.Context) -> Iterator[None]:
    """What click says in English only leaves with the same in Vietnamese before it."""
    try:
        yield
    except click.UsageError as error:
        if isinstance(error, _Both):
            raise
        raise _Both(f"{_in_vietnamese(error)} / {error.format_message()}", context) from None


class _Both(click.UsageError):
    """Has its Vietnamese already: a group's error passes the groups above it too."""


def _in_vietnamese(error: click.UsageError) -> str:
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words(error)
    return "Lệnh này viết chưa đúng."


def _missing(error: click.MissingParameter) -> str:
    param = error.param
    return f"Thiếu {_named(param)}." if param is not None else "Thiếu một phần."


def _bad(error: click.BadParameter) -> str:
    param = error.param
    named = "Giá trị" if param is None else f"Giá trị của {_named(param)}"
    kind = None if param is None else param.type
    if isinstance(kind, click.Choice):
        return f"{named} phải là một trong: {', '.join(map(str, kind.choices))}."
    if isinstance(kind, click.Path):
        return f"{named} không phải tệp hay thư mục dùng được."
    if isinstance(kind, click.IntRange):
        top = "trở lên" if kind.max is None else f"đến {kind.max}"
        return f"{named} phải là số từ {kind.min} {top}."
    if isinstance(kind, click.types.IntParamType):
        return f"{named} phải là số nguyên."
    return f"{named} không dùng được."


def _named(param: click.Parameter) -> str:
    if isinstance(param, click.Option):
        return f"“{param.opts[-1]}”"
    return f"“{param.make_metavar(click.get_current_context())}”"


def _unknown_command(error: click.UsageError) -> str:
    return f"Không có lệnh “{getattr(error, 'command_name', '')}”."


def _unknown_option(error: click.NoSuchOption) -> str:
    return f"Không có tùy chọn “{error.option_name}”."


def _bad_option(error: click.BadOptionUsage) -> str:
    return f"Tùy chọn “{error.option_name}” viết chưa đúng."


# The narrower kind first: a missing argument is a bad parameter too.
_WORDS: tuple[tuple[type[click.UsageError], Callable[[Any], str]], ...] = (
    (click.MissingParameter, _missing),
    (click.BadParameter, _bad),
    (click.NoSuchOption, _unknown_option),
    (click.exceptions.NoSuchCommand, _unknown_command),
    (click.BadOptionUsage, _bad_option),
)
