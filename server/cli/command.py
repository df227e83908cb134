"""A command as all of ours are: its options on either side, a refusal as a sentence, its data."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from forms.problems import Refused
from server.cli.options import Options, new_options, pass_options
from server.cli.terminal import WRONG, fail
from server.settings import SettingError, Settings

if TYPE_CHECKING:
    from server.runtime import Runtime


class _WithOptions(click.Command):
    """Takes --data and --json after its name too."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params = [*self.params, *new_options()]


class Command(_WithOptions):
    """A verb: answers a refusal with its sentence."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except Refused as refused:
            fail(str(refused.problem))
        except SettingError as error:
            fail(str(error))


class Group(_WithOptions, click.Group):
    """A noun with its verbs."""

    command_class = Command
    group_class = type


def with_runtime(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command a Runtime on a schema that is up to date."""

    @pass_options
    @functools.wraps(command)
    def wrapped(options: Options, *args: Any, **given: Any) -> Any:
        runtime = open_data(options.settings())
        try:
            return command(runtime, *args, **given)
        finally:
            runtime.database.dispose()

    return wrapped


def open_data(settings: Settings) -> Runtime:
    """The runtime of a data folder; a new embedded one is made ready first."""
    from server.runtime import open_runtime
    from server.serve import prepare
    from sync.migrations import HEAD, current

    settings.data.mkdir(parents=True, exist_ok=True)
    runtime = open_runtime(settings)
    if current(runtime.database) != HEAD:
        if not runtime.database.is_sqlite:
            fail("Xin chạy “cayda migrate” trước. / Run “cayda migrate” first.", WRONG)
        prepare(runtime)
    return runtime
