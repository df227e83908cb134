"""The gate of the pages: every page says which verb it needs; every POST proves that it is ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask_login import current_user
from flask_wtf.csrf import generate_csrf, validate_csrf
from markupsafe import Markup
from sqlalchemy.exc import DBAPIError
from werkzeug.wrappers import Response
from wtforms.validators import ValidationError

from forms.problems import KEEPS_NOTHING, NOT_ALLOWED, SIGN_IN_OVER, STALE_PAGE, Problem, Refused
from server import auth
from server.errors import log_failure, not_stored, when_again
from server.pages import sitting
from server.pages.words import gettext
from server.runtime import runtime
from sync.access import KNOWN_VERBS, Caller, may
from sync.database import keeps_nothing

Answer = Response | str | tuple[str, int]
View = TypeVar("View", bound=Callable[..., Answer])

OPEN = "open"  # for anybody: signing in
KNOWN = "known"  # for every person who is signed in
READS = frozenset({"GET", "HEAD", "OPTIONS"})
A_SENTENCE = 20  # letters; a name, a code and a choice are quickly given again

pages = Blueprint("pages", __name__, template_folder="templates", static_folder="static")
NEEDS: dict[str, tuple[str, ...]] = {}  # name of a view → any one of these verbs lets in


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu. `shown`: whether it is for this caller, beyond the page's verb."""

    words: str
    view: str
    place: int
    shown: Callable[[Caller], bool]


_menu: list[Entry] = []


def page(rule: str, *verbs: str, methods: Sequence[str] = ("GET",)) -> Callable[[View], View]:
    """Put a page at this address; the caller needs one of the verbs (or OPEN, KNOWN).

    A view may stand at several addresses; they all need the same.
    """
    unknown = set(verbs) - set(KNOWN_VERBS) - {OPEN, KNOWN}
    if unknown or not verbs:
        raise ValueError(f"{rule}: no such verb {sorted(unknown)}")

    def put(view: View) -> View:
        if NEEDS.setdefault(view.__name__, verbs) != verbs:
            raise ValueError(f"{rule}: another verb than before")
        pages.add_url_rule(rule, view_func=view, methods=methods)
        return view

    return put


def in_menu(
    words: str, place: int, shown: Callable[[Caller], bool] = lambda caller: True
) -> Callable[[View], View]:
    """Give the page a line in the menu of those who may open it; lower `place` comes first.

    `words`: an English message id, marked with `words.mark` so that catalogues know it.
    """

    def put(view: View) -> View:
        _menu.append(Entry(words, view.__name__, place, shown))
        return view

    return put


def caller() -> Caller:
    """Who is signed in; only in a page that is not OPEN."""
    found: Caller = g.caller
    return found


def can(verb: str) -> bool:
    """Whether who is signed in has the verb: for templates that offer what it allows."""
    return may(runtime().library, caller(), verb)


def done(message: str, view: str, **values: Any) -> Response:
    """After a POST that did what was asked: say so once, on the page of this view."""
    flash(message)
    return redirect(url_for(f"pages.{view}", **values), 303)


def menu() -> Iterator[Entry]:
    """The lines of the caller's menu, in order."""
    for entry in sorted(_menu, key=lambda entry: (entry.place, entry.view)):
        if _is_let_in(caller(), NEEDS[entry.view]) and entry.shown(caller()):
            yield entry


def csrf() -> Markup:
    """The hidden field that every form with method POST needs."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


@pages.before_request
def _let_in() -> Response | None:
    view = (request.endpoint or "").rpartition(".")[2]
    if view == "static":
        return None
    g.caller = getattr(current_user, "caller", None)
    if g.caller is None and OPEN not in NEEDS[view]:
        if sitting.NAME in session:
            sitting.forget()
            if request.method not in READS:
                raise Refused(SIGN_IN_OVER())
            flash(gettext("Your sign-in is over: not used for two hours, or ended elsewhere."))
        return redirect(url_for("pages.sign_in", next=_read_on()))
    if request.method not in READS:
        _prove_ours()
    if OPEN not in NEEDS[view] and not _is_let_in(caller(), NEEDS[view]):
        raise Refused(NOT_ALLOWED())
    return None


def _read_on() -> str | None:
    """Where to come back to; None: home, also from what only a POST shows."""
    where = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return where if where != "/" else None


def _is_let_in(asking: Caller, needed: tuple[str, ...]) -> bool:
    verbs = (verb for verb in needed if verb not in (OPEN, KNOWN))
    return KNOWN in needed or any(may(runtime().library, asking, verb) for verb in verbs)


def _prove_ours() -> None:
    """Another site can make a browser send a form here, but cannot know the token; and browsers of
    our days tell."""
    if auth.is_from_elsewhere():
        raise Refused(STALE_PAGE())
    given = request.headers.get("X-CSRFToken") or request.form.get("csrf_token")
    try:
        validate_csrf(given)
    except ValidationError as error:
        raise Refused(STALE_PAGE()) from error


@pages.errorhandler(Refused)
def _refused(error: Refused) -> tuple[str, int, dict[str, str]]:
    problem = error.problem
    return problem_page(problem), problem.status or 400, when_again(problem)


@pages.errorhandler(DBAPIError)
def _not_stored(error: DBAPIError) -> tuple[str, int, dict[str, str]] | Response:
    """What must be written down before it is shown is not shown; all else can be read."""
    if g.get("caller") is None or not keeps_nothing(error):
        return not_stored(error)
    log_failure(error)
    return _refused(Refused(KEEPS_NOTHING()))


def problem_page(problem: Problem) -> str:
    """A page that says what went wrong, with the menu still there, and what was written."""
    return render_template("problem.html", problem=problem, written=list(_written()))


def _written() -> Iterator[str]:
    """The sentences of a form that was not taken, to be copied: nobody should think twice of them.

    Not what another site sends through this browser: its words would stand here as ours.
    """
    if request.method not in READS and not auth.is_from_elsewhere():
        for name, value in request.form.items(multi=True):
            if len(value) >= A_SENTENCE and " " in value and "password" not in name:
                yield value


@pages.context_processor
def _for_templates() -> dict[str, Any]:
    asking: Caller | None = g.get("caller")
    return {
        "person": asking,
        "menu": list(menu()) if asking else [],
        "can": can,
        "here": request.endpoint,
        "read_on": _read_on(),
        "speaks_english": session.get(sitting.LANGUAGE) == "en",
    }
