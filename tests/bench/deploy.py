"""The Dockerfile's own steps in a fresh folder: what the image would hold, without an engine.

COPY and RUN of its first stage are done as they stand, with /app and /src below a temporary folder;
then its commands answer from there, far from this source tree.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import click

from tests.bench import upgrades
from tests.bench.server import ROOT, Line


def measure() -> list[Line]:
    """Raises CalledProcessError where a step or a command fails."""
    with tempfile.TemporaryDirectory(prefix="cayda-image-") as name:
        root = Path(name)
        start = time.perf_counter()
        for step in _steps():
            _take(root, step)
        made = time.perf_counter() - start
        size = sum(file.stat().st_size for file in (root / "app").rglob("*") if file.is_file())
        answers = _try(root)
    return [
        Line("the image's steps in a fresh folder", f"{made:.0f} s, {size / 1e6:.0f} MB"),
        Line("commands that answer from it", ", ".join(answers)),
    ]


def _steps() -> list[str]:
    """Of the first stage, which makes all that the second one holds."""
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    return re.findall(r"^(?:COPY|RUN) .+$", text.split("\nFROM ")[1], re.MULTILINE)


def _take(root: Path, step: str) -> None:
    place = root / "src"
    place.mkdir(exist_ok=True)
    verb, _, rest = step.partition(" ")
    if verb == "RUN":
        command = rest.replace("/app", f"{root}/app").replace("python -m venv", "python3 -m venv")
        subprocess.run(command, shell=True, cwd=place, env=_environment(root), check=True)
        return
    *sources, target = shlex.split(rest)
    for source in sources:
        if (ROOT / source).is_dir():
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, place / target, ignore=unwanted)
        else:
            shutil.copy(ROOT / source, place / target)


def _try(root: Path) -> list[str]:
    """A server's life from the installed files alone; the source is gone by then."""
    shutil.rmtree(root / "src")
    tried = ("migrate", "form list", "phone add bench --role city", "status", "verify", "doctor")
    for command in tried:
        done = [str(root / "app" / "bin" / "cayda"), *command.split()]
        subprocess.run(done, cwd=root, env=_environment(root), check=True, stdout=subprocess.PIPE)
    return [f"cayda {command.partition(' --')[0]}" for command in tried]


def _environment(root: Path) -> dict[str, str]:
    keep = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "SSL_"))}
    data = {"CAYDA_DATA": str(root / "data"), "HOME": str(root)}
    return {**keep, **data, "PATH": f"{root}/app/bin:/usr/bin:/bin"}


def main(_: list[str]) -> None:
    """Print the lines of both: what is installed, and what an upgrade costs phones."""
    for line in (*measure(), *upgrades.measure()):
        click.echo(f"| {line.what} | {line.value} | {line.goal} |")
