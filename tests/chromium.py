"""Debian's Chromium without a screen, and what npm brings for the tests in it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

ENGINES = Path(__file__).parent / "browsers"  # package.json, and node_modules once fetched
HEIGHT = 900
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-quic", "--no-first-run", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--force-device-scale-factor=1"),
)

Browser = Callable[..., Any]


def leave_out(sentence: str) -> None:
    """Skip the test with this sentence; where CI promises what is missing, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)


@contextmanager
def open_browser(profile: Path, width: int = 1280) -> Iterator[Any]:
    """A window of this width with a profile of its own. LookupError where Chromium is not."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        raise LookupError("Chromium or its driver is not installed, so no page was opened in it")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{HEIGHT}"):
        options.add_argument(flag)
    window = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        window.set_script_timeout(60)
        widen(window, width)
        yield window
    finally:
        window.quit()


def widen(window: Any, width: int, height: int = HEIGHT) -> None:
    """As wide inside as a telephone or a desk's screen; a window itself cannot be under 500 px."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Opens windows: `chromium(width=360)`; they close after the file."""
    with ExitStack() as windows:

        def open_one(width: int = 1280) -> Any:
            profile = tmp_path_factory.mktemp("chromium") / "profile"
            try:
                return windows.enter_context(open_browser(profile, width))
            except LookupError as error:
                return leave_out(str(error))

        yield open_one


@pytest.fixture(scope="session")
def engines() -> Path:
    """The folder of what npm brings, fetched once; without Node skip, or fail in CI."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        leave_out("Node or npm is not installed, so nothing of npm's was tried in a browser")
    lock = (ENGINES / "package-lock.json").read_bytes()
    with (ENGINES / ".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # the runners of one `make test` come here together
        done = ENGINES / "node_modules" / ".done"
        if not done.is_file() or done.read_bytes() != lock:
            command = ["npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit", "--silent"]
            ran = subprocess.run(command, cwd=ENGINES, capture_output=True, text=True, timeout=240)
            if ran.returncode:
                leave_out(f"npm could not fetch what the browser tests need: {ran.stderr[-300:]}")
            _bundle()
            done.write_bytes(lock)
    return ENGINES


def _bundle() -> None:
    bundler = ENGINES / "node_modules" / ".bin" / "esbuild"
    into = f"--outfile={ENGINES / 'node_modules' / 'enketo.js'}"
    options = ["--bundle", "--format=iife", "--loader:.svg=text", "--external:libxslt"]
    command = [bundler, "enketo.mjs", into, "--log-level=error", *options]
    subprocess.run(command, cwd=ENGINES, check=True, timeout=120)
