"""Several POSTs in one transaction leave what they would leave one after the other."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from forms.instance import read_instance
from forms.problems import Refused
from sync.blobs import StoredBlob
from sync.database import Database
from sync.receive import Arrival, Outcome, Received, ReceivedFile, receive
from sync.receive_many import receive_many
from sync.tables import (
    app_users,
    attachments,
    form_versions,
    forms,
    projects,
    queue,
    received,
    sealed_submissions,
    submission_versions,
    submissions,
)
from tests.conftest import NOW

A, B, C = (f"{n * 8}-1111-4111-8111-111111111111" for n in "abc")
KEPT = (submissions, submission_versions, attachments, received, queue, sealed_submissions)
IDS = (f"uuid:{A}", A, f"uuid:{A.upper()}", f"uuid:{B}", f"uuid:{C}", "by hand")


@pytest.fixture
def kept(database: Database) -> Database:
    """Two forms with two versions each, the older one closed; and two phones."""
    with database.write() as db:
        db.execute(projects.insert(), [{"id": 1, "name": "p"}, {"id": 2, "name": "drafts"}])
        for number, name in enumerate(("trees", "shrubs", "drafted"), 1):
            db.execute(
                forms.insert().values(
                    id=number,
                    project_id=2 if name == "drafted" else 1,
                    xml_form_id=name,
                    title=name.title(),
                    state="closed" if name == "shrubs" else "open",
                    created_at=NOW,
                    current_version_id=number * 10 + 2,
                )
            )
            for version in (1, 2):
                db.execute(
                    form_versions.insert().values(
                        id=number * 10 + version,
                        form_id=number,
                        version=str(version),
                        xform=b"<x/>",
                        md5="m",
                        source_kind="xml",
                        published_at=NOW,
                    )
                )
        for number in (1, 2):
            db.execute(
                app_users.insert().values(
                    id=number,
                    project_id=1,
                    kind="phone",
                    name=f"Điện thoại {number}",
                    role="volunteer",
                    token_sha256=str(number),
                    created_at=NOW,
                )
            )
    return database


def an_arrival(
    instance_id: str,
    replaces: str | None = None,
    answer: str = "oak",
    version: str = "2",
    form: str = "trees",
    phone: int = 1,
    names: Sequence[str] = (),
    encrypted: bool = False,
    only_form_id: int | None = None,
) -> Arrival:
    old = f"<deprecatedID>{replaces}</deprecatedID>" if replaces else ""
    sealed = ' encrypted="yes"' if encrypted else ""
    xml = (
        f'<data id="{form}" version="{version}"{sealed}><sp>{answer}</sp>'
        f"<meta><instanceID>{instance_id}</instanceID>{old}</meta></data>"
    ).encode()
    files = tuple(ReceivedFile(name, StoredBlob(f"{name}-sha", 1)) for name in names)
    project = 2 if form == "drafted" else 1
    return Arrival(project, read_instance(xml), xml, files, phone, only_form_id=only_form_id)


arrivals = st.builds(
    an_arrival,
    st.sampled_from(IDS),
    st.none() | st.sampled_from(IDS),
    st.sampled_from(["oak", "ash"]),
    st.sampled_from(["2", "2", "1", "9"]),
    st.sampled_from(["trees", "trees", "shrubs", "drafted", "rivers"]),
    st.sampled_from([1, 2]),
    st.lists(st.sampled_from(["1.jpg", "2.jpg"]), max_size=2),
    st.booleans(),
    st.sampled_from([None, None, None, 1]),
)
plain = st.builds(an_arrival, st.sampled_from(IDS), names=st.sampled_from([(), ("1.jpg",)]))


@given(
    st.lists(st.lists(arrivals | plain, min_size=1, max_size=5), min_size=1, max_size=4),
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_in_any_groups_the_same_is_kept_as_one_after_the_other(
    kept: Database, groups: list[list[Arrival]]
) -> None:
    with kept.write() as db:
        alone = [_alone(db, arrival) for group in groups for arrival in group]
        expected = outcomes(db, alone), rows(db)
        db.rollback()
    with kept.write() as db:
        together = [one for group in groups for one in receive_many(db, group, NOW)]
        assert (outcomes(db, together), rows(db)) == expected
        db.rollback()


def _alone(db: Connection, arrival: Arrival) -> Received | Refused:
    try:
        return receive(db, arrival, NOW)
    except Refused as refused:
        return refused


def outcomes(db: Connection, found: Sequence[Received | Refused]) -> list[Any]:
    """What each came to, with versions named by what they hold."""
    v = submission_versions.c
    query = sa.select(v.id, v.form_id, v.instance_id, v.sha256)
    named = {row.id: tuple(row[1:]) for row in db.execute(query)}
    return [
        one.problem.code
        if isinstance(one, Refused)
        else (one.outcome, named[one.submission_version_id], one.problems, one.title)
        for one in found
    ]


def rows(db: Connection) -> dict[str, list[str]]:
    """All that is kept, without order and with names in the place of numbers."""
    v, s = submission_versions.c, submissions.c
    version = {
        row.id: (row.form_id, row.instance_id, row.sha256)
        for row in db.execute(sa.select(v.id, v.form_id, v.instance_id, v.sha256))
    }
    submission = {
        row.id: (row.form_id, row.instance_id)
        for row in db.execute(sa.select(s.id, s.form_id, s.instance_id))
    }
    names: dict[str, dict[Any, Any]] = {
        "submission_id": submission,
        "submission_version_id": version,
        "current_version_id": version,
        "subject_id": version,
    }

    def named(row: sa.Row[Any]) -> str:
        found = {name: value for name, value in row._mapping.items() if name != "id"}
        return str([names[one][found[one]] if one in names else found[one] for one in found])

    return {table.name: sorted(map(named, db.execute(table.select()))) for table in KEPT}


def test_one_that_is_refused_disturbs_no_other(kept: Database) -> None:
    sent = [an_arrival(IDS[0]), an_arrival(IDS[3], form="rivers"), an_arrival(IDS[4])]
    with kept.write() as db:
        first, second, third = receive_many(db, sent, NOW)
    assert isinstance(second, Refused)
    assert isinstance(first, Received)
    assert isinstance(third, Received)
    assert (first.outcome, third.outcome) == (Outcome.NEW, Outcome.NEW)
    with kept.read() as db:
        assert len(rows(db)["received"]) == 2


def test_what_is_plain_takes_as_many_statements_for_thirty_as_for_one(kept: Database) -> None:
    def statements(sent: Sequence[Arrival]) -> int:
        said: list[str] = []

        def hear(_db: Any, _cursor: Any, statement: str, *_: Any) -> None:
            said.append(statement)

        with kept.write() as db:
            sa.event.listen(db, "before_cursor_execute", hear)
            receive_many(db, sent, NOW)
        return len(said)

    many = [an_arrival(f"uuid:{n:08}{A[8:]}", names=["1.jpg"]) for n in range(30)]
    one = [an_arrival(IDS[0], names=["1.jpg"])]
    assert statements(many) == statements(one) == 7
    assert statements(many) == statements(one) == 5  # the same again


def test_nothing_at_all_is_nothing(kept: Database) -> None:
    with kept.write() as db:
        assert receive_many(db, [], NOW) == []


def test_two_groups_with_the_same_in_another_order_do_not_block_each_other(kept: Database) -> None:
    """PostgreSQL ends one of two that wait for each other; each would cost a phone a second."""
    failed: list[BaseException] = []

    def keep(sent: Sequence[Arrival], start: threading.Barrier) -> None:
        start.wait()
        try:
            with kept.write() as db:
                receive_many(db, sent, NOW)
        except Exception as error:
            failed.append(error)

    for turn in range(10):
        start = threading.Barrier(2)
        ids = [f"uuid:{turn:04}{n:04}{A[8:]}" for n in range(20)]
        sent = [an_arrival(one, names=["2.jpg", "1.jpg"]) for one in ids]
        others = [threading.Thread(target=keep, args=(s, start)) for s in (sent, sent[::-1])]
        for other in others:
            other.start()
        for other in others:
            other.join()
    assert failed == []
    with kept.read() as db:
        assert len(rows(db)["submissions"]) == 200
        assert len(rows(db)["received"]) == 400
