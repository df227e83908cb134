"""Tokens for one's programs: made with a scope and an end, told once, shut out when need be."""

from __future__ import annotations

from datetime import timedelta

from flask import render_template, request

from forms.problems import NOT_FOUND, Problem, Refused
from server import auth
from server.pages.door import KNOWN, Answer, caller, done, page
from server.pages.words import gettext, mark
from server.runtime import runtime
from sync import tokens

DAYS = (30, 90, 365)
SCOPES = {  # what a token may be allowed; what has no words here is shown as it stands
    "audit.read": mark("see who did what"),
    "entities.read": mark("see lists of people and clubs"),
    "entity.write": mark("change entries of lists"),
    "figures.read": mark("see figures as they are now"),
    "form.list": mark("download forms with their lists"),
    "forms.manage": mark("publish and close forms"),
    "identity.reveal": mark("see a masked number whole"),
    "other_forms.read": mark("read submissions of forms from elsewhere"),
    "pairs.decide": mark("decide of two whether they are one"),
    "phones.manage": mark("add phones and shut them out"),
    "places.manage": mark("say where clubs are"),
    "privacy.manage": mark("work on requests about personal data"),
    "reports.pass_on": mark("say that a report was passed on"),
    "reports.read": mark("see reports"),
    "reports.send": mark("send a report and open it again"),
    "small_cells.read": mark("see numbers of very few people"),
    "submission.create": mark("send filled-in forms"),
    "submission.review": mark("judge, delete and bring back submissions"),
    "submissions.read": mark("read submissions"),
    "users.manage": mark("add and end people who sign in"),
    "work.manage": mark("have failed work tried again"),
    "work.read": mark("see how the server is doing"),
}


@page("/account/tokens", KNOWN, methods=("GET", "POST"))
def list_tokens() -> Answer:
    """One's own tokens; a POST makes one, and its answer is the only time it is told."""
    problem: Problem | None = None
    if request.method == "POST":
        try:
            secret = _make()
        except Refused as refused:
            problem = refused.problem
        else:
            return render_template("token_made.html", secret=secret)
    me, here = caller(), runtime()
    with here.database.read() as db:
        found = list(tokens.list_tokens(db, me.id))
    allowed = tokens.grantable(here.library, me.role)
    answer = render_template(
        "tokens.html",
        problem=problem,
        valid=[one for one in found if one.is_valid(here.now())],
        scopes=[(verb, _words(verb)) for verb in allowed],
        words=_words,
        days=[(days, gettext("%(days)s days", days=days)) for days in DAYS],
        given=request.form,
    )
    return answer, problem.status if problem else 200


def _words(verb: str) -> str:
    return gettext(SCOPES[verb]) if verb in SCOPES else verb


def _make() -> str:
    """The secret of a new token."""
    me, here, secret = caller(), runtime(), auth.new_token()
    days, now = request.form.get("days", DAYS[0], type=int), runtime().now()
    with here.database.write() as db:
        tokens.add(
            *(db, here.library, me, request.form.get("name", ""), request.form.getlist("scope")),
            *(now + timedelta(days=min(max(days, 0), DAYS[-1])), secret, now, me.actor),
        )
    return secret


@page("/account/tokens/<int:number>/revoke", KNOWN, methods=("POST",))
def revoke_token(number: int) -> Answer:
    """End one of one's own tokens."""
    me, here = caller(), runtime()
    with here.database.write() as db:
        is_mine = number in {one.id for one in tokens.list_tokens(db, me.id)}
        if not tokens.revoke(db, number, here.now(), me.actor, me.id) and not is_mine:
            raise Refused(NOT_FOUND())
    return done(gettext("The token is no longer good."), "list_tokens")
