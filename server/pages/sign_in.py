"""Sessions of people: sign in with the name and password that also serve a phone."""

from __future__ import annotations

import hmac
from typing import Any

from flask import Flask, Response, redirect, request, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, Length

from server import auth
from server.runtime import runtime
from sync import accounts
from sync.access import Caller


class SignInForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    name = StringField(validators=[DataRequired(), Length(max=accounts.LONGEST_NAME)])
    password = PasswordField(validators=[DataRequired(), Length(max=1000)])


class SignOutForm(FlaskForm):  # type: ignore[misc]
    """Only its CSRF token."""


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
    with runtime().database.read() as db:
        user = accounts.find_user_by_id(db, int(number))
    person = None if user is None else Person(user)
    return person if person and hmac.compare_digest(person.get_id(), session_id) else None


def enter(name: str, password: str) -> bool:
    """Start a session for the person of this name and password. False when they are wrong."""
    caller = auth.sign_in(name, password)
    if caller is None:
        return False
    with runtime().database.read() as db:
        user = accounts.find_user_by_id(db, caller.id)
    return user is not None and bool(login_user(Person(user)))


def leave() -> None:
    """End the session."""
    logout_user()


def caller() -> Caller:
    """Who is signed in; only in a view behind @login_required."""
    person: Any = current_user
    found: Caller = person.caller
    return found
