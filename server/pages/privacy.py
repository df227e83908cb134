"""The desk of personal data: requests with their clock, one person's file, consent, erasing."""

from __future__ import annotations

import json
from http import HTTPStatus

from flask import render_template, request

from forms.days import vietnam_day
from forms.problems import MISSING_FIELDS, NOT_SURE, NOT_TO_ERASE, NOT_TO_RESTRICT, Problem, Refused
from server.downloads import as_file, workbook
from server.pages.audit import words_of
from server.pages.door import Answer, caller, done, in_menu, page
from server.pages.look import read_day
from server.pages.words import gettext, in_vietnamese, mark, one
from server.report_files import PDF
from server.runtime import runtime
from sync import accounts, audit, posts
from sync.privacy import (
    consent,
    erase,
    erasures,
    identity,
    in_words,
    ledger,
    requests,
    restrict,
    terms,
    traces,
    whole_file,
)
from sync.privacy.document import Cover, to_pdf
from sync.privacy.in_words import Part
from sync.privacy.requests import ANSWER, CLOSE, CORRECT, EXTEND, LIFT, OPEN, REFUSE, RESTRICT
from sync.privacy.whole_file import File

ACTS = {
    OPEN: mark("noted"),
    ANSWER: mark("first answer given"),
    EXTEND: mark("more time taken"),
    CORRECT: mark("corrected"),
    RESTRICT: mark("restricted"),
    LIFT: mark("restriction taken back"),
    CLOSE: mark("done"),
    REFUSE: mark("refused, with the reason told"),
}
BECAME = {  # what a proof counts
    erase.WHOLE: mark("Forms that were erased whole"),
    erase.PART: mark("Forms that stay without the name"),
    erase.SAME: mark("Forms that name an entry's id only"),
    "entity_versions": mark("Rows of lists"),
    "duplicate_dismissals": mark("Decisions that two are two people"),
    "app_users": mark("Phones"),
    "submission_comments": mark("Comments"),
    "made_files": mark("Finished files"),
    "report_steps": mark("Comments on reports"),
    "privacy_requests": mark("Papers of requests"),
    "audit_events": mark("Reasons in the log"),
}
MOST_FOUND = 30


@in_menu(mark("Personal data"), 94)
@page("/privacy", "privacy.manage")
def privacy_desk() -> Answer:
    """What is asked and by when it is due; who was erased."""
    here, shown = runtime(), request.args.get("show", "open")
    with here.database.read() as db:
        found = requests.list_requests(db, here.library, closed=shown == "closed")
        erased = erasures.newest(db)
        names = accounts.names_of(db, {one.actor for one in erased})
        today = vietnam_day(here.now())
        due = terms.due(db, here.library, today)
        restricted = restrict.in_force(db)
    return render_template(
        "privacy.html",
        requests=found,
        shown=shown,
        today=today,
        erased=erased,
        due=due,
        restricted=restricted,
        names=names,
        holidays_known=today.year in here.library.privacy.holidays,
    )


@page("/privacy/people", "privacy.manage", methods=("POST",))
def find_people() -> Answer:
    """Who is meant by a name: to note a request. The name stands in no address."""
    return _people_page()


@page("/privacy/requests", "privacy.manage", methods=("POST",))
def note_request() -> Answer:
    """A request that came today or before; what was typed stays where it is refused."""
    here, given = runtime(), request.form
    try:
        day = read_day(given.get("received_on", ""))
        if not given.get("uuid"):
            raise Refused(MISSING_FIELDS(fields=gettext("Person")))
        with here.database.write() as db:
            number = requests.ask(
                *(db, here.library, given.get("kind", ""), given.get("uuid", ""), day),
                *(given.get("paper", ""), caller().actor, here.now()),
            )
    except Refused as refused:
        if refused.problem.status != HTTPStatus.BAD_REQUEST:
            raise
        return _people_page(refused.problem)
    return done(gettext("The request is noted."), "show_request", number=number)


def _people_page(problem: Problem | None = None) -> Answer:
    here, given = runtime(), request.form
    sought = given.get("sought", "").strip()
    with here.database.read() as db:
        found = traces.find_named(db, here.library, sought, MOST_FOUND)
        places = posts.place_names(db, [(None, each.club_id) for each in found])
    people = [(here.library.privacy.person, each.uuid) for each in found]
    with here.database.write() as db:
        audit.saw(db, caller().actor, "person.find", people, here.now())
    shown = render_template(
        "privacy_people.html",
        found=found,
        places=places,
        kinds=[(kind.id, one(kind)) for kind in here.library.privacy.requests.values()],
        sought=sought,
        given=given,
        today=vietnam_day(here.now()).isoformat(),
        problem=problem,
    )
    return shown, problem.status if problem else 200


@page("/privacy/terms/<term>", "privacy.manage", methods=("POST",))
def erase_due(term: str) -> Answer:
    """Erase what may be kept no longer by this term."""
    here = runtime()
    with here.database.write() as db:
        gone = terms.carry_out(db, here.library, term, caller(), here.now())
    with here.database.write() as db:
        ledger.after_erasing(db, here.blobs)
    return done(gettext("Erased: %(count)s.", count=gone), "privacy_desk")


# ------------------------------------------------------------------ one request
@page("/privacy/requests/<int:number>", "privacy.manage")
def show_request(number: int) -> Answer:
    """One request: its clock, and what was done. The person's file is a step further."""
    return _request_page(number)


@page("/privacy/requests/<int:number>/step", "privacy.manage", methods=("POST",))
def note_step(number: int) -> Answer:
    """Note what was done with it."""
    here = runtime()
    with here.database.write() as db:
        act = request.form.get("act", "")
        requests.act(db, here.library, number, act, caller().actor, here.now())
    return done(gettext("Noted."), "show_request", number=number)


@page("/privacy/requests/<int:number>/file", "privacy.manage", methods=("POST",))
def open_person_file(number: int) -> Answer:
    """The person's whole file, on a page or as a file; that it was looked at is written down."""
    kind = request.form.get("kind", "")
    if request.form.get("sure") != "yes":
        return _request_page(number, NOT_SURE())
    here, action = runtime(), "person.export" if kind in MAKING else "person.show"
    with here.database.write() as db:
        asked, person = requests.working_on(db, here.library, number)
        file = whole_file.read(db, here.library, person)
        told = in_words.parts(db, here.library, person, file, _in_vietnamese)
        people = [(person.list_name, uuid) for uuid in person.uuids]
        audit.saw(db, caller().actor, action, people, here.now(), request=number)
        standing = consent.standing(db, here.library, person, vietnam_day(here.now()))
        name = traces.name_of(db, person)
    if kind in MAKING:
        why = f"{asked.kind.vi}, số {number}"
        return MAKING[kind](number, file, told, Cover(name, why, here.now(), caller().name))
    consents = here.library.privacy.consents
    return render_template(
        "privacy_file.html",
        asked=asked,
        name=name,
        told=told,
        purposes=consents.purposes if consents else (),
        standing=standing,
        given={one.fact for one in consent.given(here.library, standing)},
    )


def _as_json(number: int, file: File, told: list[Part], cover: Cover) -> Answer:
    content = json.dumps(file, ensure_ascii=False, indent=1, default=str).encode()
    return as_file(f"request-{number}.json", content, "application/json")


def _as_xlsx(number: int, file: File, told: list[Part], cover: Cover) -> Answer:
    return workbook(f"request-{number}.xlsx", in_words.tables(told))


def _as_pdf(number: int, file: File, told: list[Part], cover: Cover) -> Answer:
    return as_file(f"request-{number}.pdf", to_pdf(cover, told), PDF)


MAKING = {"json": _as_json, "xlsx": _as_xlsx, "pdf": _as_pdf}


def _in_vietnamese(action: str) -> str:
    return words_of(action, in_vietnamese)


@page("/privacy/requests/<int:number>/withdraw", "privacy.manage", methods=("POST",))
def withdraw_consent(number: int) -> Answer:
    """Take one consent back: at once, on every page and phone's next list."""
    here, fact = runtime(), request.form.get("fact", "")
    if not fact:
        return _request_page(number, NOT_SURE())
    with here.database.write() as db:
        asked, _ = requests.working_on(db, here.library, number)
        gone = consent.withdraw(db, here.library, asked.uuid, fact, caller(), here.now())
    with here.database.write() as db:
        ledger.after_erasing(db, here.blobs)
    said = gettext(
        "Consent is taken back; %(count)s forms filled in under it are erased.", count=gone
    )
    return done(said, "show_request", number=number)


@page("/privacy/requests/<int:number>/restrict", "privacy.manage", methods=("POST",))
def restrict_person(number: int) -> Answer:
    """Let nobody but the desk see the person from now on, or take that back, also later."""
    here, what = runtime(), request.form.get("what", "")
    if what not in (RESTRICT, LIFT):
        return _request_page(number, NOT_SURE())
    with here.database.write() as db:
        if what == RESTRICT:
            asked, person = requests.working_on(db, here.library, number)
            if not asked.kind.restricts:
                raise Refused(NOT_TO_RESTRICT())
            restrict.restrict(db, here.library, person, number, caller(), here.now())
            said = gettext("From now on nobody but this desk sees this person. Figures count on.")
        else:
            person = traces.find(db, here.library, requests.get(db, here.library, number).uuid)
            restrict.lift(db, here.library, person, caller(), here.now())
            said = gettext("The restriction is taken back.")
        requests.did(db, number, what, caller().actor, here.now())
    here.jobs.wake()
    return done(said, "show_request", number=number)


@page("/privacy/requests/<int:number>/erase", "privacy.manage", methods=("POST",))
def erase_person(number: int) -> Answer:
    """Erase the person for good; the answer leads to the proof."""
    here, why = runtime(), f"request {number}"
    if request.form.get("sure") != "yes":
        return _request_page(number, NOT_SURE())
    with here.database.read() as db:
        asked, person = requests.working_on(db, here.library, number)
        if not asked.kind.erases:
            raise Refused(NOT_TO_ERASE())
        looked = traces.look_everywhere(db, person)
    with here.database.write() as db:
        requests.working_on(db, here.library, number)  # nobody closed it meanwhile
        made, _ = erase.erase(
            *(db, here.library, asked.uuid),
            caller=caller(),
            why=why,
            now=here.now(),
            looked=looked,
        )
    with here.database.write() as db:
        ledger.after_erasing(db, here.blobs)
    return done(gettext("The person is erased."), "show_erasure", number=made)


@page("/privacy/erasures/<int:number>", "privacy.manage")
def show_erasure(number: int) -> Answer:
    """The proof: what was erased, how much of what, nothing personal."""
    with runtime().database.read() as db:
        found = erasures.get(db, number)
        names = accounts.names_of(db, {found.actor})
    proof = found.proof
    counted = [
        (gettext(BECAME[what]) if what in BECAME else what, count)
        for what, count in (*proof["counted"].items(), *proof["rows"].items())
    ]
    return render_template("privacy_erasure.html", found=found, counted=counted, names=names)


@page("/privacy/erasures/<int:number>.json", "privacy.manage")
def erasure_proof(number: int) -> Answer:
    """The same as a file to keep."""
    with runtime().database.read() as db:
        found = erasures.get(db, number)
    content = json.dumps({"erasure": number, **found.proof}, ensure_ascii=False, indent=1)
    return as_file(f"erasure-{number}.json", content.encode(), "application/json")


# ------------------------------------------------------------------ a number that is hidden
@page("/privacy/identity/<uuid>", "identity.reveal", methods=("GET", "POST"))
def reveal_identity(uuid: str) -> Answer:
    """A hidden number of one person, for a reason; both are written down."""
    here, shown, problem = runtime(), None, None
    try:
        with here.database.write() as db:
            identity.check(db, here.library, caller(), uuid, here.now())
            if request.method == "POST":
                reason = request.form.get("reason", "")
                shown = identity.reveal(db, here.library, caller(), uuid, reason, here.now())
    except Refused as refused:
        if refused.problem.code != "no_reason":
            raise
        problem = refused.problem
    reasons = here.library.privacy.reasons
    page = render_template("privacy_identity.html", shown=shown, reasons=reasons, problem=problem)
    return page, problem.status if problem else 200


# ------------------------------------------------------------------ parts of it


def _request_page(number: int, problem: Problem | None = None) -> Answer:
    here = runtime()
    name = ""
    with here.database.write() as db:
        found = requests.get(db, here.library, number)
        names = accounts.names_of(db, {step.actor for step in found.steps})
        person = traces.seek(db, here.library, found.uuid)
        restricted = restrict.holds(db, person) if person else None
        if found.is_open and person is not None:
            name = traces.name_of(db, person)
            audit.saw(db, caller().actor, "person.name", [person.key], here.now(), request=number)
    acts = [act for act in (ANSWER, EXTEND, CLOSE, REFUSE) if act not in found.acts]
    shown = render_template(
        "privacy_request.html",
        found=found,
        name=name,
        restricted=restricted,
        names=names,
        said={act: gettext(words) for act, words in ACTS.items()},
        acts=acts if found.is_open else [],
        today=vietnam_day(here.now()),
        problem=problem,
    )
    return shown, problem.status if problem else 200
