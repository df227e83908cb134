"""How the server is doing: what is kept, what waits, and failed work, to be tried again."""

from __future__ import annotations

import shutil

from flask import render_template, request

from forms.problems import NOT_FOUND, Refused
from server import doctor
from server.health import can_process
from server.pages.door import Answer, caller, done, in_menu, page
from server.pages.words import gettext, mark
from server.runtime import runtime
from server.tasks import DIED
from sync import attachments, queue, waiting
from sync.aggregate import MEASURE
from sync.gauges import read_gauges
from sync.generation import DERIVE_AGAIN
from sync.made_files import MAKE
from sync.matching.waiting import MATCH, MATCH_AGAIN
from sync.queue import FailedWork
from sync.receive import PROCESS
from sync.status import about_versions, read_status

TASKS = {
    PROCESS: mark("Reading a form that came in"),
    MEASURE: mark("Counting the figures of a club"),
    DERIVE_AGAIN: mark("Reading everything again after an upgrade"),
    MAKE: mark("Making a file to take"),
    MATCH: mark("Looking for people who were entered twice"),
    MATCH_AGAIN: mark("Looking for people who were entered twice"),
}


@in_menu(mark("Server"), 90)
@page("/server", "work.read")
def server_state() -> Answer:
    """Counts of what is kept and what waits; no personal data."""
    here, now = runtime(), runtime().now()
    with here.database.read() as db:
        found, gauges = read_status(db), read_gauges(db, now)
        failed = queue.failed(db)
        versions = {one.id: one.subject_id for one in failed if one.name == PROCESS}
        subjects = about_versions(db, [version for version in versions.values() if version])
        missing, _ = attachments.count_missing(db)
        unregistered = waiting.unregistered(db).count
    return render_template(
        "server.html",
        status=found,
        backed_up_at=gauges.backed_up_at,
        processing=can_process(found, now),
        missing_files=missing,
        unregistered=unregistered,
        free_mb=shutil.disk_usage(here.settings.data).free // 2**20,
        failed=failed,
        tasks={one.id: _task(one) for one in failed},
        about={work: subjects.get(version or 0) for work, version in versions.items()},
        died=DIED,
    )


def _task(one: FailedWork) -> str:
    return gettext(TASKS[one.name]) if one.name in TASKS else one.name


@page("/server/retry", "work.manage", methods=("POST",))
def retry_work() -> Answer:
    """Have one piece of failed work done again, or all."""
    here, number = runtime(), request.form.get("work", "")
    with here.database.write() as db:
        one = int(number) if number.isdecimal() else None
        tried = queue.retry(db, here.now(), caller().actor, one)
    if number and not tried:
        raise Refused(NOT_FOUND())
    here.jobs.wake()
    return done(gettext("Will be tried again: %(count)s.", count=tried), "server_state")


@page("/server/check", "work.read")
def check_server() -> Answer:
    """The installation looked over, with what to do about what is wrong."""
    found = doctor.examine(runtime())
    return render_template("server_check.html", findings=found, halves=_halves)


def _halves(text: str) -> dict[str, str]:
    """What the console says in both languages, "Vietnamese / English", apart."""
    vi, _, en = text.partition(" / ")
    return {"vi": vi, "en": en or vi}
