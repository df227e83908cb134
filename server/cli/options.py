"""What may stand before or after every command's name: --data and --json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from server.cli.paths import FOLDER
from server.settings import Settings, read_settings


@dataclass
class Options:
    """What was given of them, wherever it stood."""

    data: Path | None = None
    as_json: bool = False

    def settings(self, host: str | None = None, port: int | None = None) -> Settings:
        return read_settings(data=self.data, host=host, port=port)


DAY = click.DateTime(["%Y-%m-%d", "%d/%m/%Y"])

pass_options = click.make_pass_decorator(Options, ensure=True)


def new_options() -> list[click.Parameter]:
    """Both, for one command; what is not given leaves what stood before the name."""

    def keep(context: click.Context, option: click.Parameter, value: Path | bool | None) -> None:
        if value:
            setattr(context.ensure_object(Options), str(option.name), value)

    return [
        click.Option(
            ["--data"],
            type=FOLDER,
            expose_value=False,
            callback=keep,
            help="Thư mục dữ liệu / data folder (CAYDA_DATA, ./data).",
        ),
        click.Option(
            ["as_json", "--json"],
            is_flag=True,
            expose_value=False,
            callback=keep,
            help="In một đối tượng JSON / print one JSON object.",
        ),
    ]
