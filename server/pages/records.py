"""What was sent: sifted, one submission with its versions, judged and spoken of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import redirect, render_template, request, url_for
from sqlalchemy.engine import Connection

from forms import difference as compare
from forms.days import vietnam_day
from forms.difference import Answer, Change
from forms.file_names import file_name
from forms.periods import Period, get_period, periods_between
from forms.problems import (
    DELETE_NEEDS_WHOLE,
    MISSING_FIELDS,
    NEEDS_WORDS,
    NOT_FOUND,
    TEXT_TOO_LONG,
    Problem,
    Refused,
)
from server import downloads
from server.pages.door import KNOWN, caller, can, done, in_menu, page
from server.pages.door import Answer as PageAnswer
from server.pages.words import gettext as _
from server.pages.words import language, mark
from server.row_numbers import row_number
from server.runtime import runtime
from sync import access, accounts, attachments, audit, browsing, clubs, comments, places, versions
from sync import reading as submissions
from sync.access import Caller
from sync.browsing import NEEDS, RECEIVED, Sieve
from sync.reading import FormView
from sync.versions import REVIEWS, Version

AT_A_TIME = 50
YEARS_BACK = 2  # of periods to choose from
SIFTED_BY = ("period", "club", "state", "needs", "sender", "deleted")
ONE = "/records/<form_id>/<int:number>"
PICTURES = (".jpg", ".jpeg", ".png", ".webp")  # what browsers show and can be freed of its place

STATES = {
    RECEIVED: mark("Not reviewed yet"),
    "edited": mark("Edited"),
    "approved": mark("Approved"),
    "hasIssues": mark("Needs correction"),
    "rejected": mark("Not accepted"),
}
KINDS = {"approved": "good", "hasIssues": "warn", "rejected": "bad"}
WANTING = {
    "held": mark("Not counted yet"),
    "files": mark("Files are missing"),
    "flagged": mark("Something to look at"),
}
ACTS = {
    comments.COMMENT: mark("Comment"),
    comments.REVIEW: mark("Review"),
    comments.DELETE: mark("Deleted"),
    comments.RESTORE: mark("Restored"),
}
OUTCOMES = {
    "new": mark("First time"),
    "edited": mark("Correction"),
    "different": mark("Same id, other content"),
}


def _reads_any(asking: Caller) -> bool:
    library = runtime().library
    known = any(access.reads(library, asking, form) for form in library.rules)
    return known or access.may(library, asking, "other_forms.read")


@in_menu(mark("What was sent"), 50, _reads_any)
@page("/records", KNOWN)
def records() -> PageAnswer:
    """The forms whose submissions the person may read."""
    here = runtime()
    with here.database.read() as db:
        found = browsing.forms_of(db, here.library, caller(), vietnam_day(here.now()))
    return render_template("records.html", forms=found)


# ------------------------------------------------------------------ the submissions of one form
@page("/records/<form_id>", KNOWN)
def form_records(form_id: str) -> PageAnswer:
    """The newest first, sifted, a page at a time."""
    after = request.args.get("after", type=row_number)
    with runtime().database.read() as db:
        form = _opened(db, form_id)
        sieve = _sieve(db)
        found = browsing.page(db, form, sieve, after, AT_A_TIME + 1)
        choices = _clubs(db, form)
    shown = found[:AT_A_TIME]
    _saw([line.subject for line in shown], "submission.list", form_id)
    following = _following(form_id, shown[-1].number) if len(found) > AT_A_TIME else None
    return render_template(
        "form_records.html",
        form=form,
        lines=shown,
        following=following,
        asked=request.args,
        sieve=sieve,
        clubs=choices,
        periods=_periods(vietnam_day(runtime().now())),
        states=STATES,
        kinds=KINDS,
        wanting=WANTING if form.reading.is_whole else {k: WANTING[k] for k in NEEDS[:2]},
    )


def _sieve(db: Connection) -> Sieve:
    """What the address asks for. Refused(BAD_PERIOD); what else is not understood sifts nothing."""
    asked = request.args
    code, state, needs = asked.get("club"), asked.get("state"), asked.get("needs")
    return Sieve(
        period=get_period(asked["period"]) if asked.get("period") else None,
        club=(places.find_club(db, code) or "-") if code else None,  # of no such club there is none
        state=state if state in STATES else None,
        needs=needs if needs in NEEDS else None,
        sender=asked.get("sender", type=row_number),
        deleted="deleted" in asked,
    )


def _following(form_id: str, after: int) -> str:
    kept: dict[str, Any] = {name: request.args[name] for name in SIFTED_BY if name in request.args}
    return url_for("pages.form_records", form_id=form_id, after=after, **kept)


def _clubs(db: Connection, form: FormView) -> list[tuple[str, str]]:
    """Code and name of those to choose from; of one there is nothing to choose."""
    scope = form.reading.clubs
    uuids = places.codes_by_club(db) if scope is None else scope
    found = clubs.clubs_named(db, uuids).values() if len(uuids) > 1 else ()
    return sorted(((code, f"{name} ({code})") for code, name in found), key=lambda one: one[1])


def _periods(today: date) -> list[Period]:
    found = periods_between(date(today.year - YEARS_BACK, 1, 1), today)
    return sorted(found, key=lambda period: (period.last, period.first), reverse=True)


@page("/records/<form_id>/find", KNOWN)
def find_record(form_id: str) -> PageAnswer:
    """Lead on to the submission one of whose versions has this id."""
    with runtime().database.read() as db:
        form = _opened(db, form_id)
        try:
            kept = versions.find(db, form_id, request.args.get("id", "").strip())
        except Refused:  # no hint whether it is not here or not for this person
            raise Refused(NOT_FOUND()) from None
        one = submissions.find_by_number(db, form, kept.id)
    return redirect(url_for("pages.record", form_id=form_id, number=one.id))


# ------------------------------------------------------------------ one submission
@page(ONE, KNOWN)
def record(form_id: str, number: int) -> PageAnswer:
    """Its answers in a version, what that version changed, its files, and what people said."""
    return _show(form_id, number)


def _show(form_id: str, number: int, field: str = "", problem: Problem | None = None) -> PageAnswer:
    """problem: with what was typed into this field, where it stands still."""
    with runtime().database.read() as db:
        form = _opened(db, form_id)
        one = submissions.find_by_number(db, form, number)
        (line,) = browsing.lines(db, form, [one])
        history = versions.history(db, versions.find(db, form_id, one.instance_id))
        shown = _version(history, request.args.get("version", type=int))
        filled = versions.get_filled(db, shown.id)
        earlier = _earlier(history, shown)
        before = versions.get_filled(db, earlier.id) if earlier else None
        both = (filled, *([before] if before else []))
        words = browsing.words_for(db, form, *both, language=language())
        without, is_sealed = form.reading.without, filled.instance.encrypted
        files = [
            file
            for file in attachments.of_version(db, shown.id)
            if form.may_give(filled.instance.root, file.name)
        ]
        who = (runtime().library, caller())
        said = comments.read_for(db, *who, form_id, form.reading, one.id)
        people = accounts.names_of(db, {each.actor for each in said})
    told = list(compare.answers(filled, language(), without, words.show))
    changes: Sequence[Change] = ()
    if before is not None:
        changes = compare.difference(before, filled, language(), without, words.show)
    _saw([line.subject, *words.names.values()], "submission.read", form_id, version=shown.number)
    shown_page = render_template(
        "record.html",
        form=form,
        line=line,
        history=history,
        shown=shown,
        earlier=earlier,
        asked=[answer for answer in told if answer.label],
        computed=[answer for answer in told if not answer.label],
        changes=changes,
        is_sealed=is_sealed,
        files=[(file, file.name.lower().endswith(PICTURES)) for file in files],
        said=said,
        people=people,
        may_judge=can("submission.review"),
        states=STATES,
        reviews=[(state, STATES[state]) for state in (RECEIVED, *REVIEWS)],
        kinds=KINDS,
        acts=ACTS,
        outcomes=OUTCOMES,
        place=_place,
        given=request.form,
        wrong={field: problem},
    )
    return shown_page, problem.status if problem else 200


def _place(answer: Answer | Change) -> str:
    """Where in a repeat an answer stands: "supplies 2"; nothing for the form's own."""
    rows = answer.path.rpartition("/")[0]
    return rows.replace("[", " ").replace("]", "") if "[" in rows else ""


def _version(history: Sequence[Version], number: int | None) -> Version:
    """By number; without one, what counts. Refused(NOT_FOUND)."""
    for one in history:
        if one.is_current if number is None else one.number == number:
            return one
    raise Refused(NOT_FOUND())


def _earlier(history: Sequence[Version], shown: Version) -> Version | None:
    """The version to compare with: the one asked for, else what `shown` came to replace."""
    asked = request.args.get("with", type=int)
    return versions.before(history, shown) if asked is None else _version(history, asked)


@page(f"{ONE}/files/<int:version>/<path:filename>", KNOWN)
def record_file(form_id: str, number: int, version: int, filename: str) -> PageAnswer:
    """A file of a version, pictures without the place they were taken at."""
    here, name = runtime(), file_name(filename) or ""
    with here.database.read() as db:
        form = _opened(db, form_id)
        one = submissions.find_by_number(db, form, number)
        (line,) = browsing.lines(db, form, [one])
        history = versions.history(db, versions.find(db, form_id, one.instance_id))
        shown = _version(history, version)
        if not form.may_give(versions.get_filled(db, shown.id).instance.root, name):
            raise Refused(NOT_FOUND())
        file = attachments.open_for_download(db, here.blobs, shown.id, name)
    _saw([line.subject], "submission.file", form_id)
    return downloads.send(file)


# ------------------------------------------------------------------ what a person decides
@page(f"{ONE}/comment", "submission.review", methods=("POST",))
def comment_on(form_id: str, number: int) -> PageAnswer:
    """Say something about it."""
    words, problem = _typed("comment")
    if problem:
        return _show(form_id, number, "comment", problem)
    with runtime().database.write() as db:
        one = submissions.find_by_number(db, _opened(db, form_id), number)
        comments.add(db, one.id, comments.COMMENT, words, caller().actor, runtime().now())
    return done(_("Your comment is kept."), "record", form_id=form_id, number=number)


@page(f"{ONE}/review", "submission.review", methods=("POST",))
def review_record(form_id: str, number: int) -> PageAnswer:
    """Say what it is worth; figures follow."""
    chosen = request.form.get("state", "")
    if chosen not in (RECEIVED, *REVIEWS):
        raise Refused(MISSING_FIELDS(fields="state"))
    words, problem = _typed("review_words", needed=False)
    if problem:
        return _show(form_id, number, "review_words", problem)
    with runtime().database.write() as db:
        kept = _kept(db, _opened(db, form_id), number)
        state = None if chosen == RECEIVED else chosen
        versions.review(db, kept, state, caller().actor, runtime().now(), words)
    runtime().jobs.wake()
    return done(_("Your review is kept."), "record", form_id=form_id, number=number)


@page(f"{ONE}/delete", "submission.review", methods=("POST",))
def delete_record(form_id: str, number: int) -> PageAnswer:
    """Out of lists and figures, with a reason; kept. For who may see all of it."""
    words, problem = _typed("delete_words")
    if problem:
        return _show(form_id, number, "delete_words", problem)
    with runtime().database.write() as db:
        kept = _kept(db, _whole(db, form_id), number)
        versions.delete(db, kept, caller().actor, runtime().now(), words)
    runtime().jobs.wake()
    message = _("Deleted: it is in no list and no figure. It can be restored here.")
    return done(message, "record", form_id=form_id, number=number)


@page(f"{ONE}/restore", "submission.review", methods=("POST",))
def restore_record(form_id: str, number: int) -> PageAnswer:
    """Take the deleting back, with a reason."""
    words, problem = _typed("restore_words")
    if problem:
        return _show(form_id, number, "restore_words", problem)
    with runtime().database.write() as db:
        kept = _kept(db, _whole(db, form_id), number)
        versions.restore(db, kept, caller().actor, runtime().now(), words)
    runtime().jobs.wake()
    message = _("Restored: figures follow within a minute.")
    return done(message, "record", form_id=form_id, number=number)


def _kept(db: Connection, form: FormView, number: int) -> versions.Submission:
    one = submissions.find_by_number(db, form, number)
    return versions.find(db, form.xml_form_id, one.instance_id)


def _whole(db: Connection, form_id: str) -> FormView:
    """For who may see all of it. Refused(DELETE_NEEDS_WHOLE)."""
    form = _opened(db, form_id)
    if not form.reading.is_whole:
        raise Refused(DELETE_NEEDS_WHOLE())
    return form


def _typed(field: str, *, needed: bool = True) -> tuple[str, Problem | None]:
    """What was typed, and what is wrong with it."""
    words = comments.clean(request.form.get(field, ""))
    if len(words) > comments.LONGEST:
        return words, TEXT_TOO_LONG(limit=comments.LONGEST)
    return words, None if words or not needed else NEEDS_WORDS()


# ------------------------------------------------------------------ who sees what, and who saw it
def _opened(db: Connection, form_id: str) -> FormView:
    """The form as the caller may read it. Refused(NOT_ALLOWED or UNKNOWN_FORM)."""
    here = runtime()
    return submissions.open_form(db, here.library, caller(), form_id, here.now())


def _saw(
    people: Sequence[browsing.Named | None], action: str, form_id: str, **details: object
) -> None:
    """Write down whom this page named."""
    seen = {(one.list_name, one.uuid) for one in people if one is not None and one.is_person}
    if seen:
        with runtime().database.write() as db:
            audit.saw(db, caller().actor, action, seen, runtime().now(), form=form_id, **details)
