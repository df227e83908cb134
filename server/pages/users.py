"""People who sign in: added with a password that is shown once, given a role and place, ended."""

from __future__ import annotations

import secrets

from flask import render_template, request

from forms.days import vietnam_day
from forms.problems import ACCOUNT_ENDED, NOT_FOUND, OWN_ACCOUNT, Problem, Refused
from forms.text import fold, sort_key
from server import ready
from server.pages.door import Answer, caller, done, in_menu, page, pages
from server.pages.words import gettext, mark, one
from server.runtime import runtime
from server.settings import secret_key
from sync import accounts, posts
from sync.access import get_role
from sync.accounts import Account, SealedPassword

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none is taken for another: no i, l, o, 0, 1
GROUPS, GROUP = 3, 4  # kmte-73wx-p8ra: 59 bits
SHOWN = {"active": mark("Who may sign in"), "disabled": mark("Ended")}


@pages.app_template_filter("role_name")
def role_name(name: str) -> str:
    """A role in the person's language; as it is written where the library has it no more."""
    role = runtime().library.roles.get(name)
    return name if role is None else one(role)


@in_menu(mark("People who sign in"), 75)
@page("/users", "users.manage")
def list_users() -> Answer:
    """Everybody who may sign in, or who might once."""
    shown, wanted = request.args.get("show", "active"), request.args.get("q", "")
    with runtime().database.read() as db:
        everybody = accounts.list_users(db)
        ended = shown == "disabled"
        named = (one for one in everybody if fold(wanted) in fold(one.name))
        those = [one for one in named if (one.ended_at is not None) == ended]
        found = sorted(those, key=lambda one: sort_key(one.name))
        places = posts.place_names(db, [(one.unit_id, one.club_id) for one in found])
    return render_template(
        "users.html",
        users=found,
        places=places,
        shown=shown,
        choices=[(name, gettext(words)) for name, words in SHOWN.items()],
        q=wanted,
    )


@page("/users/new", "users.manage", methods=("GET", "POST"))
def add_user() -> Answer:
    """A new person; the answer holds the first password, once."""
    given = {name: request.form.get(name, "") for name in ("name", "role", "place")}
    problem: Problem | None = None
    if request.method == "POST":
        try:
            password = _add(given["name"], given["role"], given["place"])
        except Refused as refused:
            problem = refused.problem
        else:
            return _told(accounts.clean_name(given["name"]), password)
    return _form("user_new.html", problem, given=given)


def _add(name: str, role: str, place: str) -> str:
    here = runtime()
    get_role(here.library, role)
    password, sealed = _new_password(name)
    with here.database.write() as db:
        ready.check_key(db, here.settings)
        post = posts.find_chosen(db, here.library, role, place, vietnam_day(here.now()))
        accounts.add_user(db, name, role, *post, sealed, here.now(), caller().actor)
    return password


def _new_password(name: str) -> tuple[str, SealedPassword]:
    groups = ("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))
    password = "-".join(groups)
    return password, accounts.seal_password(name, password, secret_key(runtime().settings))


def _told(name: str, password: str) -> str:
    """The one page that shows a password."""
    safe = accounts.phone_safe(name)
    return render_template("user_password.html", name=name, password=password, phone_safe=safe)


def _form(template: str, problem: Problem | None, **more: object) -> Answer:
    """A page with roles and places to choose from, and what was wrong before."""
    here = runtime()
    with here.database.read() as db:
        places = posts.choices(db, vietnam_day(here.now()))
    roles = list(here.library.roles.values())
    shown = render_template(template, problem=problem, roles=roles, places=places, **more)
    return shown, problem.status if problem else 200


# ------------------------------------------------------------------ one person
@page("/users/<int:number>", "users.manage", methods=("GET", "POST"))
def show_user(number: int) -> Answer:
    """One person; a POST gives another role and place."""
    found, here, problem = _find(number), runtime(), None
    role = request.form.get("role", found.role)
    place = request.form.get("place", posts.as_value(found.unit_id, found.club_id))
    if request.method == "POST":
        try:
            _require_another(found)
            _require_active(found)
            get_role(here.library, role)
            with here.database.write() as db:
                post = posts.find_chosen(db, here.library, role, place, vietnam_day(here.now()))
                accounts.set_role(db, found.name, role, *post, here.now(), caller().actor)
        except Refused as refused:
            problem = refused.problem
        else:
            return done(gettext("Role and place are changed."), "show_user", number=number)
    with here.database.read() as db:
        now_at = posts.place_names(db, [(found.unit_id, found.club_id)])
    return _form("user.html", problem, user=found, role=role, place=place, now_at=now_at)


@page("/users/<int:number>/password", "users.manage", methods=("POST",))
def give_password(number: int) -> Answer:
    """Another password, shown once; all sign-ins of the person end."""
    found, here = _find(number), runtime()
    _require_active(found)
    password, sealed = _new_password(found.name)
    with here.database.write() as db:
        ready.check_key(db, here.settings)
        accounts.set_password(db, found.name, sealed, here.now(), caller().actor)
    return _told(found.name, password)


@page("/users/<int:number>/end", "users.manage", methods=("POST",))
def end_user(number: int) -> Answer:
    """The person cannot sign in any more; what they did and sent stays."""
    found, here = _find(number), runtime()
    _require_another(found)
    if found.ended_at is not None:  # of a name that was given again, the new one stays
        return done(gettext("That account had ended before."), "show_user", number=number)
    with here.database.write() as db:
        accounts.disable(db, found.name, here.now(), caller().actor)
    return done(gettext("%(name)s cannot sign in any more.", name=found.name), "list_users")


def _find(number: int) -> Account:
    with runtime().database.read() as db:
        found = next((one for one in accounts.list_users(db) if one.id == number), None)
    if found is None:
        raise Refused(NOT_FOUND())
    return found


def _require_another(found: Account) -> None:
    """Refused(OWN_ACCOUNT): the last operator would shut the pages for everybody."""
    if found.id == caller().id:
        raise Refused(OWN_ACCOUNT())


def _require_active(found: Account) -> None:
    """Refused(ACCOUNT_ENDED)."""
    if found.ended_at is not None:
        raise Refused(ACCOUNT_ENDED())
