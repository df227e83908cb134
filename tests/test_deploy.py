"""What deploy/ and the README tell people to type exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click import Context, Group
from click.testing import CliRunner

from server.cli import main
from server.settings import read_settings

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "deploy/README.md", "deploy/cayda.service", "server/README.md")


def test_env_example_holds_settings_that_are_taken() -> None:
    lines = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    source = (ROOT / "server" / "settings.py").read_text(encoding="utf-8")
    assert {name for name in values if f'"{name}"' not in source} == set()
    settings = read_settings(values)
    assert settings.trust_proxy
    assert settings.public_url == "https://cayda.example.vn"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"(?:bin/cayda|cayda_data/data \S*cayda|`cayda)((?: [a-z][a-z-]*)+)", text)
    assert all(_exists(words.split()) for words in named), named


def _exists(words: list[str]) -> bool:
    group: object = main
    for word in words:
        if not isinstance(group, Group):
            return True  # an argument, not a command
        found = group.get_command(Context(group), word)
        if found is None:
            return False
        group = found
    return True


def test_every_command_explains_itself_in_vietnamese_and_english() -> None:
    assert isinstance(main, Group)
    for name in main.commands:
        shown = CliRunner().invoke(main, [name, "--help"])
        assert shown.exit_code == 0
        assert " / " in shown.output, name
