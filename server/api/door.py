"""The gate of the JSON API: every route says which verb it needs, and one place asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask import Blueprint, Response, g, request

from forms.problems import NOT_ALLOWED, NOT_AUTHENTIC, NOT_FOUND, Refused
from server import auth
from server.api.described import Done, Gives, Param, Takes, Talk
from server.runtime import runtime
from sync.access import KNOWN_VERBS, Caller, may
from sync.accounts import PROJECT_ID

View = TypeVar("View", bound=Callable[..., Response])

PROJECT = "/projects/<project>"  # the door checks it and keeps it out of the views
FORM = f"{PROJECT}/forms/<form_id>"
OPEN = "open"  # for anybody: signing in
KNOWN = "known"  # for every person who has proved who they are; no phone
OWN = "own"  # for every person themselves; no program with a token of theirs

api = Blueprint("api", __name__)
NEEDS: dict[str, tuple[str, ...]] = {}  # name of a view → any one of these verbs lets in
TALKS: dict[str, Talk] = {}  # name of a view → what it says of itself in the OpenAPI document


def route(
    rule: str,
    *verbs: str,
    methods: Sequence[str] = ("GET",),
    gives: Gives = Done,
    takes: Takes = None,
    query: Sequence[Param] = (),
    also: Sequence[int] = (),
) -> Callable[[View], View]:
    """Put a view below /v1 and /v1/key/TOKEN; the caller needs one of the verbs, or OPEN, KNOWN,
    OWN.

    A view may carry several routes; they all need and say the same. The rest is for the OpenAPI
    document: see `described.Talk`.
    """
    unknown = set(verbs) - set(KNOWN_VERBS) - {OPEN, KNOWN, OWN}
    if unknown or not verbs:
        raise ValueError(f"{rule}: no such verb {sorted(unknown)}")

    def put(view: View) -> View:
        if NEEDS.setdefault(view.__name__, verbs) != verbs:
            raise ValueError(f"{rule}: another verb than before")
        TALKS[view.__name__] = Talk(gives, takes, tuple(query), tuple(also))
        api.add_url_rule(rule, view_func=view, methods=methods, strict_slashes=False)
        return view

    return put


def caller() -> Caller:
    """Whoever makes this request."""
    found: Caller = g.caller
    return found


@api.url_value_preprocessor
def _take_base(endpoint: str | None, values: dict[str, Any] | None) -> None:
    values = values if values is not None else {}
    g.token, g.project = values.pop("token", None), values.pop("project", None)


@api.before_request
def _let_in() -> None:
    needed = NEEDS[(request.endpoint or "").rpartition(".")[2]]
    if OPEN not in needed:
        g.caller = _caller()
        _allow(g.caller, needed)
    if g.project not in (None, str(PROJECT_ID)):
        raise Refused(NOT_FOUND())


def _caller() -> Caller:
    if g.token is None:
        return auth.person_caller()
    if not auth.is_token(g.token):
        raise Refused(NOT_AUTHENTIC())
    return auth.token_caller(g.token)


def _allow(asking: Caller, needed: tuple[str, ...]) -> None:
    is_person, library = asking.kind != "app_user", runtime().library
    if is_person and (KNOWN in needed or (OWN in needed and asking.scope is None)):
        return
    if not any(may(library, asking, verb) for verb in needed if verb not in (KNOWN, OWN)):
        raise Refused(NOT_ALLOWED())
