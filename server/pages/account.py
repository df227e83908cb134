"""One's own account: who I am here, another password, my sign-ins, out everywhere."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for

from forms.problems import PASSWORDS_APART, WRONG_PASSWORD, Problem, Refused
from server import auth, ready
from server.pages import sign_in
from server.pages.door import KNOWN, Answer, caller, done, in_menu, page
from server.pages.words import gettext, mark
from server.runtime import runtime
from server.settings import secret_key
from sync import accounts, audit, posts

SHOWN = 20  # sign-ins


@in_menu(mark("My account"), 99)
@page("/account", KNOWN)
def account() -> Answer:
    """Who one is here, and one's last sign-ins."""
    return _page(None)


def _page(problem: Problem | None) -> Answer:
    me = caller()
    with runtime().database.read() as db:
        signed_in = audit.list_events(db, sign_in.SIGNED_IN, None, None, SHOWN, 0, actor=me.actor)
        place = posts.place_names(db, [(me.unit_id, me.club_id)])[me.unit_id, me.club_id]
    shown = render_template("account.html", problem=problem, signed_in=signed_in, place=place)
    return shown, problem.status if problem else 200


@page("/account/password", KNOWN, methods=("POST",))
def change_password() -> Answer:
    """Another password, by the old one; all other sign-ins end."""
    old, new, again = (request.form.get(name, "") for name in ("old", "new", "again"))
    me, here = caller(), runtime()
    try:
        if new != again:
            raise Refused(PASSWORDS_APART())
        if auth.sign_in(me.name, old) is None:
            raise Refused(WRONG_PASSWORD())
        sealed = accounts.seal_password(me.name, new, secret_key(here.settings))
        with here.database.write() as db:
            ready.check_key(db, here.settings)
            accounts.set_password(db, me.name, sealed, here.now(), me.actor)
    except Refused as refused:
        return _page(refused.problem)
    sign_in.enter(me.name, new)
    return done(gettext("Your password is changed."), "account")


@page("/account/sign-out", KNOWN, methods=("POST",))
def sign_out_everywhere() -> Answer:
    """End every sign-in of this person, on all machines and here: the password is sealed anew."""
    me, here = caller(), runtime()
    password = request.form.get("password", "")
    if auth.sign_in(me.name, password) is None:
        return _page(WRONG_PASSWORD())
    sealed = accounts.seal_password(me.name, password, secret_key(here.settings))
    with here.database.write() as db:
        ready.check_key(db, here.settings)
        accounts.end_sign_ins(db, me.name, sealed, here.now(), me.actor)
    sign_in.leave()
    return redirect(url_for("pages.sign_in"), 303)
