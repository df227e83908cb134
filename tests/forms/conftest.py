"""What the tests of forms share: a phone that fills them in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from forms.library import load_library
from tests.forms.phone import Fill, Filled, Phone, Saved


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    if shutil.which("javac") is None and not os.environ.get("CI"):
        pytest.skip("filling in forms with JavaRosa needs a JDK, which is not here; CI runs it")
    with Phone(tmp_path_factory.mktemp("phone")) as phone:
        yield phone


@pytest.fixture
def phone(engine: Phone) -> Fill:
    return engine.fill


@pytest.fixture
def saved(engine: Phone) -> Iterator[Saved]:
    """What the phone remembers of the last form it saved, and a draft it may open again."""

    def save(form: str, filled: Filled, name: str = "") -> None:
        for one in (f"{form}.saved", name):
            if one:
                (engine.folder / one).write_text(filled.kept, "utf-8")

    yield save
    for form in load_library().forms:
        (engine.folder / f"{form}.saved").unlink(missing_ok=True)
