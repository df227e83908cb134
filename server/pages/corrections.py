"""What an entry says of a person, corrected upon her request: by the desk, or by her commune."""

from __future__ import annotations

from http import HTTPStatus

from flask import render_template, request
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.problems import NOT_TO_CORRECT, Problem, Refused
from server.pages.door import Answer, caller, can, done, in_menu, page
from server.pages.look import read_day
from server.pages.words import gettext, mark
from server.runtime import runtime
from sync import audit
from sync.privacy import correct, identity, requests, traces
from sync.privacy.requests import Request
from sync.privacy.traces import Person


@in_menu(mark("Corrections asked for"), 60, lambda asking: not can("privacy.manage"))
@page("/corrections", "privacy.correct")
def corrections() -> Answer:
    """The open requests to correct something, of people whom the caller sees."""
    here, mine = runtime(), []
    with here.database.write() as db:
        for one in requests.list_requests(db, here.library):
            try:
                _, person = _asked(db, one.id)
            except Refused:
                continue
            mine.append((one, traces.name_of(db, person), person.key))
        people = [key for _, _, key in mine]
        audit.saw(db, caller().actor, "person.name", people, here.now())
    return render_template("corrections.html", mine=mine, today=vietnam_day(here.now()))


@page("/corrections/<int:number>", "privacy.correct", methods=("GET", "POST"))
def correct_entry(number: int) -> Answer:
    """What is kept now, and what is right; kept as a form, so that lists and figures follow."""
    if request.method == "GET":
        return _page(number)
    here, given = runtime(), request.form
    try:
        day = read_day(given.get("since", ""))
        with here.database.write() as db:
            _, person = _asked(db, number)
            correct.correct(
                *(db, here.library, person, given),
                day=day,
                reason=given.get("reason", ""),
                without=correct.withheld(db, here.library, caller(), vietnam_day(here.now())),
                caller=caller(),
                now=here.now(),
            )
            requests.did(db, number, requests.CORRECT, caller().actor, here.now())
    except Refused as refused:
        if refused.problem.status != HTTPStatus.BAD_REQUEST:
            raise
        return _page(number, refused.problem)
    here.jobs.wake()
    said = gettext("Corrected. Phones have it with their next list, figures within a minute.")
    return done(said, "correct_entry", number=number)


def _page(number: int, problem: Problem | None = None) -> Answer:
    here = runtime()
    today = vietnam_day(here.now())
    with here.database.write() as db:
        asked, person = _asked(db, number)
        without = correct.withheld(db, here.library, caller(), today)
        questions = correct.questions(db, here.library, person, without)
        name = traces.name_of(db, person)
        audit.saw(db, caller().actor, "person.show", [person.key], here.now(), request=number)
    shown = render_template(
        "correction.html",
        asked=asked,
        name=name,
        questions=questions,
        given=request.form,
        today=today.isoformat(),
        problem=problem,
    )
    return shown, problem.status if problem else 200


def _asked(db: Connection, number: int) -> tuple[Request, Person]:
    """An open request to correct, of somebody whom the caller sees. Refused(NOT_FOUND),
    (NEEDS_REQUEST), (NOT_TO_CORRECT)."""
    here = runtime()
    found, person = requests.working_on(db, here.library, number)
    identity.check(db, here.library, caller(), person.key.uuid, here.now())
    if not found.kind.corrects:
        raise Refused(NOT_TO_CORRECT())
    return found, person
