"""Signing in, with the name and password that also serve a phone; and out; the language."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, current_app, redirect, render_template, request, session, url_for
from flask_login import LoginManager, UserMixin, login_user, logout_user
from sqlalchemy.exc import DBAPIError
from werkzeug.wrappers import Response

from forms.problems import NOT_AUTHENTIC
from server import auth
from server.pages import sitting
from server.pages.door import OPEN, Answer, page
from server.pages.words import LANGUAGES
from server.runtime import runtime
from sync import accounts, audit
from sync.database import keeps_nothing

SIGNED_IN = "user.sign_in"  # as the audit has it

_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


class Person(UserMixin):  # type: ignore[misc]  # Flask-Login ships no types
    """Whoever is signed in. The id in the session also names the password: a new one ends it."""

    def __init__(self, user: accounts.User) -> None:
        self.caller = user.caller
        self._mark = hmac.digest(auth.memory().key, user.password_hash.encode(), "sha256").hex()

    def get_id(self) -> str:
        return f"{self.caller.id}-{self._mark[:32]}"


class _Sessions(LoginManager):  # type: ignore[misc]
    """Flask-Login away from the doors of phones: its hook looks into each answer's session."""

    def __init__(self, blueprint: str) -> None:
        super().__init__()
        self._blueprint = blueprint

    def _update_remember_cookie(self, response: Response) -> Response:
        if request.blueprint != self._blueprint:
            return response
        answer: Response = super()._update_remember_cookie(response)
        return answer


def register(app: Flask, blueprint: str) -> None:
    """Let the pages of this blueprint ask who is signed in."""
    sessions = _Sessions(blueprint)
    sessions.session_protection = None  # phones change their address while a person reads on
    sessions.user_loader(_load)
    sessions.unauthorized_handler(lambda: redirect(url_for(f"{blueprint}.sign_in")))
    sessions.init_app(app)


def _load(session_id: str) -> Person | None:
    number, _, _ = session_id.partition("-")
    if not number.isdigit():
        return None
    here = runtime()
    with here.database.read() as db:
        goes_on = sitting.goes_on(db, here.now())
        user = accounts.find_user_by_id(db, int(number)) if goes_on else None
    person = None if user is None else Person(user)
    return person if person and hmac.compare_digest(person.get_id(), session_id) else None


def enter(name: str, password: str) -> bool:
    """Start a session for the person of this name and password. False when they are wrong."""
    caller = auth.sign_in(name, password)
    if caller is None:
        return False
    now = runtime().now()
    with runtime().database.read() as db:
        user = accounts.find_user_by_id(db, caller.id)
    with _also_when_full(), runtime().database.write() as db:
        audit.record(db, caller.actor, SIGNED_IN, caller.actor, now)
    sitting.forget()
    session.update(sitting.new(now))
    return user is not None and bool(login_user(Person(user)))


def leave() -> None:
    """End the session, also for whoever has a copy of its cookie."""
    here = runtime()
    with _also_when_full(), here.database.write() as db:
        sitting.end(db, here.now())
    sitting.forget()
    logout_user()


@contextmanager
def _also_when_full() -> Iterator[None]:
    """Nobody is kept out, or in, because it could not be written down."""
    try:
        yield
    except DBAPIError as error:
        if not keeps_nothing(error):
            raise
        current_app.logger.warning("nothing can be kept: somebody signed in or out unnoted")


@page("/sign-in", OPEN, methods=("GET", "POST"))
def sign_in() -> Answer:
    """The form; after it, where the person wanted to go, or home."""
    problem, status = None, 200
    if request.method == "POST":
        if enter(request.form.get("name", ""), request.form.get("password", "")):
            return redirect(_wanted() or url_for("pages.home"), 303)
        problem, status = NOT_AUTHENTIC(), 401
    return render_template("sign_in.html", problem=problem, is_open=_is_open_line()), status


def _is_open_line() -> bool:
    """Whether a password would go over a network that others may listen on."""
    return not auth.is_behind_tls() and auth.caller_address() not in ("127.0.0.1", "::1", "")


def _wanted() -> str | None:
    """Where `next` leads, if it is a page of ours: nobody is led away by a link."""
    wanted = request.args.get("next", "")
    return wanted if _PATH.fullmatch(wanted) else None


@page("/sign-out", OPEN, methods=("POST",))
def sign_out() -> Answer:
    """End the session, also where it has ended already."""
    leave()
    return redirect(url_for("pages.sign_in"), 303)


@page("/language", OPEN, methods=("POST",))
def choose_language() -> Answer:
    """Vietnamese or English, for as long as the session lasts; then the page that was read."""
    chosen = request.form.get("language")
    if chosen in LANGUAGES:
        session[sitting.LANGUAGE] = chosen
    return redirect(_wanted() or url_for("pages.home"), 303)
