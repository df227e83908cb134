"""Who did what and when, in words; with filters by kind, person, thing and day."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from flask import render_template, request, url_for

from forms.days import VIETNAM
from forms.text import sort_key
from server.pages.door import Answer, in_menu, page
from server.pages.look import read_day
from server.pages.words import gettext, mark
from server.pages.words import one as in_words
from server.row_numbers import row_number
from server.runtime import runtime
from sync import accounts, audit
from sync.accounts import Account
from sync.definitions import titles

AT_ONCE = 50
FILTERS = ("kind", "actor", "subject", "from", "to")
# An action is a noun and a verb, "form.publish"; what has no words here is shown as it stands.
NOUNS = {
    "audit": mark("This log"),
    "club": mark("Club"),
    "consent": mark("Consent"),
    "dataset": mark("List"),
    "duplicate": mark("Possible duplicate"),
    "entity": mark("Entry of a list"),
    "entry": mark("Entry of a list"),
    "event": mark("Reports of one event"),
    "figure": mark("Figure"),
    "file": mark("Finished file"),
    "follow_up": mark("Follow-up list"),
    "form": mark("Form"),
    "identity": mark("ID number"),
    "list": mark("List"),
    "person": mark("Data of a person"),
    "phone": mark("Phone"),
    "privacy": mark("Personal data"),
    "privacy_request": mark("Request about one's data"),
    "records": mark("Records of a form"),
    "report": mark("Report"),
    "roll": mark("List of people"),
    "submission": mark("Submission"),
    "token": mark("Token of a program"),
    "unit": mark("Unit"),
    "user": mark("Person who signs in"),
    "work": mark("Failed work"),
}
VERBS = {
    "answer": mark("answered"),
    "apart": mark("said to be two"),
    "close": mark("closed"),
    "comment": mark("commented"),
    "confirm": mark("confirmed"),
    "correct": mark("corrected"),
    "create": mark("added"),
    "decision": mark("decision carried out"),
    "delete": mark("deleted"),
    "disable": mark("ended"),
    "dismiss": mark("said to be two people"),
    "draft": mark("draft kept"),
    "draft_end": mark("draft ended"),
    "encrypt": mark("encrypted from now on"),
    "erase": mark("erased"),
    "estimate": mark("weights estimated"),
    "export": mark("taken as a file"),
    "extend": mark("given more time"),
    "file": mark("file looked at"),
    "files": mark("files taken"),
    "find": mark("looked for by name"),
    "forget": mark("forgotten when its time was over"),
    "import": mark("taken from a file"),
    "lift": mark("restriction taken back"),
    "link": mark("linked as one"),
    "list": mark("list looked at"),
    "make": mark("ordered"),
    "media": mark("file put in"),
    "name": mark("name seen"),
    "open": mark("begun"),
    "pass_on": mark("passed on"),
    "password": mark("new password"),
    "people": mark("people looked at"),
    "place": mark("placed in a unit"),
    "plain": mark("no longer encrypted"),
    "publish": mark("published"),
    "read": mark("looked at"),
    "resolve": mark("settled"),
    "reveal": mark("shown whole"),
    "refuse": mark("refused"),
    "reopen": mark("opened again"),
    "report": mark("reported"),
    "restore": mark("brought back"),
    "restrict": mark("restricted"),
    "retry": mark("tried again"),
    "review": mark("reviewed"),
    "revoke": mark("shut out"),
    "role": mark("another role or place"),
    "send": mark("sent"),
    "send_back": mark("sent back"),
    "show": mark("looked at"),
    "sign_in": mark("signed in"),
    "sign_out": mark("signed out everywhere"),
    "state": mark("opened or closed"),
    "take": mark("fetched"),
    "term": mark("erased when their time was over"),
    "together": mark("said to be one"),
    "undo": mark("taken back"),
    "unlink": mark("said to be two again"),
    "update": mark("changed"),
    "why": mark("looked behind"),
    "withdraw": mark("taken back"),
}
DETAILS = {  # names of what else is noted; what has no words here is shown as it stands
    "calendar": mark("Calendar"),
    "club": mark("Club"),
    "figure": mark("Figure"),
    "file": mark("File"),
    "form": mark("Form"),
    "level": mark("Level"),
    "list": mark("List"),
    "name": mark("Name"),
    "place": mark("Place"),
    "purpose": mark("Purpose"),
    "reason": mark("Reason"),
    "request": mark("Request about one's data"),
    "role": mark("Role"),
    "state": mark("State"),
    "version": mark("Version"),
    "why": mark("Reason"),
}
NOBODY = {"operator": mark("At the server's console"), "system": mark("The server itself")}


@in_menu(mark("Who did what"), 92)
@page("/audit", "audit.read")
def list_audit() -> Answer:
    """The newest events that fit, AT_ONCE at a time."""
    asked = {name: request.args.get(name, "") for name in FILTERS}
    with runtime().database.read() as db:
        found = audit.list_events(
            db,
            asked["kind"] or None,
            _start_of(asked["from"]),
            _start_of(asked["to"], days=1),
            AT_ONCE + 1,
            0,
            actor=asked["actor"] or None,
            subject=asked["subject"] or None,
            before=request.args.get("before", type=row_number),
        )
        actors = {one.actor for one in found} | {asked["actor"]}
        subjects = {one.subject or "" for one in found} | {asked["subject"]}
        names = accounts.names_of(db, actors | subjects)
        people = accounts.list_users(db)
        forms = titles(db)
    shown = found[:AT_ONCE]
    address: dict[str, Any] = {**asked, "before": shown[-1].id if shown else None}
    kinds = [(noun, gettext(words)) for noun, words in NOUNS.items()]
    return render_template(
        "audit.html",
        events=shown,
        actors={actor: names.get(actor) or _nobody(actor) for actor in actors},
        subjects={subject: names.get(subject, subject) for subject in subjects},
        actions={one.action: words_of(one.action) for one in shown},
        details={one.id: list(_details(one.details or {}, forms)) for one in shown},
        asked=asked,
        people=_to_choose(people, asked["actor"], names),
        months=runtime().library.privacy.log_months,
        kinds=sorted(kinds, key=lambda one: sort_key(one[1])),
        more=url_for("pages.list_audit", **address) if len(found) > AT_ONCE else "",
    )


def _details(details: Mapping[str, Any], forms: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What else is noted of an event, each with its name, in words where there are any."""
    library = runtime().library
    for name, value in details.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if name == "list" and value in library.lists:
            rule = library.lists[value]
            text = in_words({"vi": rule.label_vi, "en": rule.label_en})
        elif name == "list" and value in library.follow_up:
            text = in_words(library.follow_up[value])
        elif name == "form":
            text = forms.get(text, text)
        elif name == "role" and value in library.roles:
            text = in_words(library.roles[value])
        if value:
            yield gettext(DETAILS[name]) if name in DETAILS else name, text


def _start_of(written: str, days: int = 0) -> datetime | None:
    """The first moment of a day as people write it, some days later."""
    if not written:
        return None
    return datetime.combine(read_day(written), time(), VIETNAM) + timedelta(days=days)


def _nobody(actor: str) -> str:
    """Who is neither a person nor a phone."""
    return gettext(NOBODY[actor]) if actor in NOBODY else actor


def _to_choose(
    people: Iterable[Account], asked: str, names: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Who may have done something: everybody who signs in, the server, and who is asked for."""
    found = {asked: names.get(asked, asked)} if asked else {}
    found |= {f"user:{one.id}": one.name for one in people}
    return list((found | {actor: gettext(words) for actor, words in NOBODY.items()}).items())


def words_of(action: str, say: Callable[[str], str] = gettext) -> str:
    """ "form.publish" as "Form: published" """
    noun, _, verb = action.partition(".")
    words = ((NOUNS, noun), (VERBS, verb))
    return ": ".join(say(known[word]) if word in known else word for known, word in words)
