"""Every page in a real browser, as wide as a desk and as a telephone: no barrier, no script error.

Who opens a page is the first role that may. Looked for are the barriers that axe-core knows, a page
wider than its window, small letters, and errors of our script or of the content policy.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from sync.database import Database
from tests.chromium import Browser, widen
from tests.server.addresses import addresses
from tests.server.scope_world import ScopeWorld, Who, callers, make_world
from tests.server.test_access_table import _named as named
from tests.server.test_access_table import may

PICTURES = os.environ.get("CAYDA_PICTURES")  # a folder: a picture of every page is left there
PHONE, DESK = 360, 1280
SERIOUS = ("serious", "critical")
AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then(
  found => done(found.violations.map(one => [one.impact, one.id, one.nodes[0].html])),
  error => done([["critical", String(error), ""]]));
"""
TOO_WIDE = "const d = document.documentElement; return d.scrollWidth > d.clientWidth"
# On a telephone the header is one row, and what is wider than the screen can be reached by keys.
CROWDED = """
const wide = [...document.querySelectorAll(".wide")].filter(d => d.scrollWidth > d.clientWidth);
return [
  ...(document.querySelector("header").offsetHeight > 70 ? ["a header of more than one row"] : []),
  ...wide.filter(d => d.tabIndex !== 0 || !d.ariaLabel).map(d => d.outerHTML.slice(0, 200)),
];
"""
LETTERS = "return getComputedStyle(document.body).fontSize"
pytestmark = [
    pytest.mark.browser,
    # What a browser shows does not depend on the database.
    pytest.mark.parametrize("shared_database", ["sqlite"], indirect=True),
]


@pytest.fixture(scope="module")
def world(shared_database: Database, tmp_path_factory: pytest.TempPathFactory) -> ScopeWorld:
    return make_world(shared_database, tmp_path_factory.mktemp("chromium"))


@pytest.fixture(scope="module")
def site(world: ScopeWorld) -> Iterator[str]:
    """Its address on a socket."""
    server = make_server("127.0.0.1", 0, world.door.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


def pages_of(world: ScopeWorld) -> Iterator[tuple[str, str, Who | None]]:
    """(name, path, who opens it) of every page that is shown, each address once."""
    for method, endpoint, one in addresses():
        if method != "GET" or not endpoint.startswith("pages."):
            continue
        who = next((who for who in [None, *callers()] if may(who, endpoint, one)), None)
        if world.client(who).get(named(world, one.path)).mimetype == "text/html":
            yield endpoint.removeprefix("pages."), named(world, one.path), who


def sign_in(window: Any, site: str, world: ScopeWorld, who: Who | None) -> None:
    """Put the session of this caller into the browser."""
    window.get(f"{site}/sign-in")
    window.delete_all_cookies()
    if who is not None:
        name = world.door.app.config["SESSION_COOKIE_NAME"]
        cookie = world.client(who).get_cookie(name)
        assert cookie is not None
        window.add_cookie({"name": name, "value": cookie.value, "path": "/"})


def test_no_page_has_a_barrier_at_either_width(
    world: ScopeWorld, site: str, chromium: Browser, engines: Path
) -> None:
    axe = (engines / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    window = chromium()
    found: list[str] = []
    signed_in: Who | str | None = ""
    for name, path, who in pages_of(world):
        if who != signed_in:
            sign_in(window, site, world, who)
            signed_in = who
        window.get(site + path)
        window.execute_script(axe)
        for width in (DESK, PHONE):
            widen(window, width)
            picture(window, f"{name}_{re.sub(r'[^a-z]', '', who.role if who else 'x')}", width)
            if window.execute_script(TOO_WIDE):
                found.append(f"{path} is wider than {width} px")
            if float(window.execute_script(LETTERS).removesuffix("px")) < 18:
                found.append(f"{path} has small letters")
            if width == PHONE:
                found += [f"{path}: {one}" for one in window.execute_script(CROWDED)]
            for impact, rule, html in window.execute_async_script(AXE):
                if impact in SERIOUS:
                    found.append(f"{path} at {width} px: {rule} {html[:200]}")
        found += [f"{path}: {one['message'][:300]}" for one in window.get_log("browser")]
    assert not found, "\n".join(dict.fromkeys(found))


def test_keys_choose_in_a_list_without_leaving_the_page(
    world: ScopeWorld, site: str, chromium: Browser
) -> None:
    window = chromium()
    sign_in(window, site, world, next(who for who in callers() if who.role == "commune"))
    window.get(f"{site}/lists/members")
    address = window.current_url
    choice = window.find_element("css selector", "main select:has(option:nth-child(2))")
    before = choice.get_property("value")
    choice.send_keys("\ue015")  # the arrow downwards
    window.execute_async_script("setTimeout(arguments[0], 500)")
    assert window.current_url == address
    assert window.switch_to.active_element == choice
    assert choice.get_property("value") != before


def test_the_menu_unfolds_on_a_telephone_by_one_key_without_script(
    world: ScopeWorld, site: str, chromium: Browser
) -> None:
    window = chromium()
    sign_in(window, site, world, next(who for who in callers() if who.role == "commune"))
    window.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    widen(window, PHONE)
    window.get(f"{site}/lists/members")
    lines = window.find_elements("css selector", "nav a[href]")
    assert not [line for line in lines if line.is_displayed()]
    window.find_element("css selector", "header summary").send_keys("\ue007")  # Enter
    assert {"/", "/reports", "/account"} <= {
        line.get_attribute("href").removeprefix(site) for line in lines if line.is_displayed()
    }


def picture(window: Any, name: str, width: int) -> None:
    """The whole page as a picture, where a folder for pictures is named."""
    if PICTURES is None:
        return
    height = window.execute_script("return document.documentElement.scrollHeight")
    widen(window, width, min(height, 4000))
    folder = Path(PICTURES)
    folder.mkdir(parents=True, exist_ok=True)
    window.save_screenshot(str(folder / f"{name}_{width}.png"))
    widen(window, width)
