"""A command as all of ours are: its options on either side, a refusal as a sentence, its data."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from forms.problems import Refused
from server.cli.options import Options, new_options, pass_options
from server.cli.terminal import WRONG, fail
from server.cli.usage import said_in_both_languages
from server.settings import SettingError, Settings

if TYPE_CHECKING:
    from server.runtime import Runtime


class _WithOptions(click.Command):
    """Takes --data and --json after its name too."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params = [*self.params, *new_options()]

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        with said_in_both_languages(context):
            return super().parse_args(context, args)


class Command(_WithOptions):
    """A verb: answers a refusal with its sentence."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except Refused as refused:
            fail(str(refused.problem))
        except SettingError as error:
            fail(str(error))
        except BrokenPipeError:  # `| head` has seen enough: click ends quietly
            raise
        except OSError as error:
            fail(_of_a_file(error), WRONG)
        except Exception as error:
            from sqlalchemy.exc import DatabaseError

            from server.ready import why_away
            from sync.database import is_outage
            from sync.vault import Locked

            if isinstance(error, Locked):
                fail(str(error), WRONG)
            is_damaged = type(error) is DatabaseError  # no narrower class of it fits
            if not (is_outage(error) or is_damaged):
                raise
            fail(why_away(error), WRONG)


def _of_a_file(error: OSError) -> str:
    named = error.filename2 or error.filename  # None of a file already open: its disk is full
    what = f" {named}" if named else ""
    return (
        f"Không đọc hay ghi được{what} ({error.strerror or type(error).__name__}). "
        "/ It cannot be read or written."
    )


class Group(_WithOptions, click.Group):
    """A noun with its verbs."""

    command_class = Command
    group_class = type

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        with said_in_both_languages(context):
            return super().resolve_command(context, args)


def with_runtime(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command a Runtime on data that is there, its schema up to date."""
    return _with_runtime(command, begins=False)


def with_new_runtime(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command by which somebody may begin: without data, a new folder is made."""
    return _with_runtime(command, begins=True)


def _with_runtime(command: Callable[..., Any], begins: bool) -> Callable[..., Any]:
    @pass_options
    @functools.wraps(command)
    def wrapped(options: Options, *args: Any, **given: Any) -> Any:
        runtime = open_data(options.settings(), begins)
        try:
            return command(runtime, *args, **given)
        finally:
            runtime.database.dispose()

    return wrapped


def open_data(settings: Settings, begins: bool = False) -> Runtime:
    """The runtime of a data folder; a new embedded one is made ready first where that is meant.

    To look into a folder that is not there is a slip of the hand; an empty one looks like loss.
    """
    from sync.migrations import is_behind

    runtime = open_as_it_is(settings, begins)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_behind(runtime.database):
        if not runtime.database.is_sqlite:
            fail("Xin chạy “cayda migrate” trước. / Run “cayda migrate” first.", WRONG)
        from server.serve import prepare  # brings all of the web with it

        prepare(runtime)
    return runtime


def open_as_it_is(settings: Settings, begins: bool = False) -> Runtime:
    """The same without any change, whatever state it is in: for who looks what is wrong."""
    from server.runtime import open_runtime

    runtime = open_runtime(settings)
    file = runtime.database.url.database if runtime.database.is_sqlite else None
    if file and not begins and not Path(file).exists():
        fail(
            f"Không có dữ liệu ở {settings.data}. Hãy ghi đúng --data; "
            f"để lập mới, chạy “cayda migrate”. "
            f"/ There is no data in {settings.data}. Mend --data, or run “cayda migrate” to begin."
        )
    return runtime
