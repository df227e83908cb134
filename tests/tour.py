"""The tour: each role's main journey through the pages, in Chromium, on the demo's data.

`make pictures` starts the demo in a folder of its own (or takes the address it is given), walks
every journey at 1280 and at 360 px, leaves a picture of each step in `pictures/`, and those that
the README shows in `docs/`. A journey fails where a step cannot be taken.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from server.demo.offices import PASSWORD
from tests.chromium import open_browser, widen
from tests.server.serving import ROOT, Server, a_server

PICTURES, SHOWN = ROOT / "pictures", ROOT / "docs"
WIDTHS = (1280, 360)
NAMES = dict(zip(WIDTHS, ("Cô Lan\nChú Minh", "Cô Hoa\nChú Bảy"), strict=True))  # of new phones
HIGHEST = 2400  # px of a picture
FILL = 900.0  # seconds that the demo may take to be filled


@dataclass(frozen=True)
class Step:
    """Follow the first link in `within` whose path begins as the pattern `to`, open details, look.

    to: "" stays on the page. fills: fields of its form, which is then sent; of a list to choose
    from, the line that holds the text. shown: the name under which the README has the picture.
    """

    name: str
    to: str = ""
    within: str = "main"
    opens: str = ""  # a CSS selector of <details> to open
    fills: tuple[tuple[str, str], ...] = ()
    shown: str = ""


MENU, UUID = "nav.menu", "[0-9a-f-]{36}"
NEW_PHONES = (
    ("names", "{names}"),
    ("role", "Tình nguyện viên"),
    ("place", "Thọ Quang 1"),
    ("contact", "Trạm y tế, 0236 000 000"),
)
JOURNEYS: dict[str, tuple[Step, ...]] = {
    "thanhpho": (
        Step("home"),
        Step("figures", "/figures", MENU),
        Step("dashboard", "/figures/2025H2", shown="dashboard"),
        Step("a_ward", "/figures/2025H2/commune/"),
        Step("a_club", "/figures/2025H2/club/"),
        Step("reports", "/reports", MENU),
        Step("a_report", "/reports/2025H1"),
        Step("pairs", "/pairs", MENU),
    ),
    "songtra": (
        Step("home"),
        Step("lists", "/lists", MENU),
        Step("members", "/lists/members"),
        Step("a_member", f"/lists/members/{UUID}"),
        Step("pairs", "/pairs", MENU),
        Step("a_pair", f"/pairs/members/{UUID}/", shown="duplicates"),
        Step("reports", "/reports", MENU),
        Step("a_report", "/reports/2025H2"),
    ),
    "tramyte": (
        Step("home"),
        Step("to_do", "/follow-up", MENU),
        Step("to_measure_again", "/follow-up/flagged_pressure"),
        Step("a_member", f"/lists/members/{UUID}", opens="details.masked", shown="member"),
    ),
    "chunhiem": (
        Step("home"),
        Step("lists", "/lists", MENU),
        Step("members", "/lists/members"),
        Step("a_member", f"/lists/members/{UUID}"),
        Step("sent", "/records", MENU),
        Step("visits", "/records/care_visit"),
        Step("a_visit", "/records/care_visit/"),
    ),
    "thuquy": (
        Step("home"),
        Step("lists", "/lists", MENU),
        Step("loans", "/lists/loans"),
        Step("a_loan", f"/lists/loans/{UUID}"),
    ),
    "q_sontra": (Step("home"), Step("dashboard", "/figures", MENU)),
    "thuongtruc": (
        Step("home"),
        Step("reports", "/reports", MENU),
        Step("a_report", "/reports/2025H1"),
    ),
    "ubnd": (Step("home"), Step("reports", "/reports", MENU)),
    "baovedulieu": (
        Step("home"),
        Step("privacy", "/privacy", MENU),
        Step("audit", "/audit", MENU),
    ),
    "quantri": (
        Step("home"),
        Step("phones", "/phones", MENU),
        Step("new_phones", "/phones/new"),
        Step("codes", fills=NEW_PHONES, shown="phones"),
        Step("forms", "/forms", MENU),
        Step("a_form", "/forms/"),
        Step("users", "/users", MENU),
        Step("server", "/server", MENU),
    ),
}


def walk(window: Any, address: str, login: str, width: int, folder: Path) -> Iterator[Path]:
    """Sign in, take every step; the picture of each. LookupError where a step cannot be taken."""
    widen(window, width)
    window.get(f"{address}/sign-in")
    window.delete_all_cookies()
    window.get(f"{address}/sign-in")
    _find(window, "[name=name]").send_keys(login)
    _find(window, "[name=password]").send_keys(PASSWORD)
    _find(window, "main form button").click()
    _find(window, MENU)
    for number, step in enumerate(JOURNEYS[login]):
        if step.to:
            _follow(window, address, login, step)
        if step.fills:
            _send(window, step.fills, NAMES[width])
            if window.execute_script("return !!document.querySelector('main .problem')"):
                raise LookupError(f"{login}: {step.name} was refused")
        if step.opens:
            opening = "document.querySelectorAll(arguments[0]).forEach(one => { one.open = true })"
            window.execute_script(opening, step.opens)
        yield _picture(window, width, folder / f"{login}_{number}_{step.name}_{width}.png")


def _find(window: Any, selector: str) -> Any:
    from selenium.webdriver.common.by import By

    return window.find_element(By.CSS_SELECTOR, selector)


def _follow(window: Any, address: str, login: str, step: Step) -> None:
    from selenium.webdriver.common.by import By

    links = window.find_elements(By.CSS_SELECTOR, f"{step.within} a[href]")
    paths = [str(link.get_attribute("href")) for link in links]
    here, asked = window.current_url, re.compile(re.escape(address) + step.to)
    wanted = next((path for path in paths if asked.match(path)), None)
    if wanted is None or (wanted == here and step.within != MENU):
        raise LookupError(f"{login}: no link to {step.to} on {here.removeprefix(address)}")
    window.get(wanted)
    if not window.find_elements(By.CSS_SELECTOR, "main h1"):
        raise LookupError(f"{login}: {wanted.removeprefix(address)} shows no page")


def _send(window: Any, fills: tuple[tuple[str, str], ...], names: str) -> None:
    from selenium.webdriver.common.by import By

    for name, text in fills:
        field = _find(window, f"main [name={name}]")
        if field.tag_name == "select":
            lines = field.find_elements(By.TAG_NAME, "option")
            next(line for line in lines if text in line.text).click()
        else:
            field.send_keys(text.format(names=names))
    _find(window, "main form button").click()
    _find(window, "main h1")


def _picture(window: Any, width: int, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    height = window.execute_script("return document.documentElement.scrollHeight")
    widen(window, width, min(height, HIGHEST))
    window.save_screenshot(str(path))
    widen(window, width)
    return path


@contextmanager
def a_filled_demo(data: Path) -> Iterator[str]:
    """The address of a `cayda serve --demo` whose demo is whole."""
    server = a_server(data)
    with server.running("--demo"):
        _wait_until_filled(server)
        yield f"http://127.0.0.1:{server.port}"


def _wait_until_filled(server: Server) -> None:
    """Its last deed is a report that was sent."""
    until = time.monotonic() + FILL
    while time.monotonic() < until:
        asked = server.cayda("report", "status", "2025H1", "--json")
        if asked.returncode == 0 and '"sent"' in asked.stdout:
            return
        time.sleep(2)
    raise TimeoutError("the demo was not filled")


def main(address: str | None = None) -> int:
    """Walk all journeys; how many could not be walked to their end."""
    with TemporaryDirectory() as folder:
        if address is None:
            with a_filled_demo(Path(folder) / "data") as own:
                return _walk_all(own, Path(folder) / "chromium")
        return _walk_all(address, Path(folder) / "chromium")


def _walk_all(address: str, profile: Path) -> int:
    failed = 0
    with open_browser(profile) as window:
        window.implicitly_wait(20)
        for login, steps in JOURNEYS.items():
            for width in WIDTHS:
                try:
                    taken = list(walk(window, address, login, width, PICTURES))
                except LookupError as error:
                    print(error)  # noqa: T201 (a command's output)
                    failed += 1
                    continue
                for step, path in zip(steps, taken, strict=True):
                    if step.shown and width == WIDTHS[0]:
                        SHOWN.mkdir(exist_ok=True)
                        (SHOWN / f"{step.shown}.png").write_bytes(path.read_bytes())
                print(f"{login} {width} px: {len(taken)}")  # noqa: T201
    return failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
