"""What a phone sent is kept once, whatever the network does."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from forms.instance import read_instance
from forms.problems import Refused
from sync.blobs import StoredBlob
from sync.chain import Link, current_version
from sync.database import Database
from sync.receive import Arrival, Outcome, Received, ReceivedFile, receive
from sync.tables import (
    attachments,
    form_versions,
    forms,
    projects,
    queue,
    received,
    submission_versions,
    submissions,
)
from tests.at_once import at_once
from tests.conftest import NOW

A, B, C = (f"uuid:{n}{n}{n}{n}{n}{n}{n}{n}-1111-4111-8111-111111111111" for n in "abc")


@pytest.fixture
def kept(database: Database) -> Database:
    """A database with one form, `trees`, in versions 1 and 2 (current)."""
    with database.write() as db:
        db.execute(projects.insert().values(id=1, name="p"))
        db.execute(
            forms.insert().values(
                id=1, project_id=1, xml_form_id="trees", title="Trees", state="open", created_at=NOW
            )
        )
        for number in (1, 2):
            db.execute(
                form_versions.insert().values(
                    id=number,
                    form_id=1,
                    version=str(number),
                    xform=b"<x/>",
                    md5="m",
                    source_kind="xml",
                    published_at=NOW,
                )
            )
        db.execute(forms.update().values(current_version_id=2))
    return database


def xml(instance_id: str, answer: str = "oak", version: str = "2", replaces: str = "") -> bytes:
    old = f"<deprecatedID>{replaces}</deprecatedID>" if replaces else ""
    return (
        f'<data id="trees" version="{version}"><sp>{answer}</sp>'
        f"<meta><instanceID>{instance_id}</instanceID>{old}</meta></data>"
    ).encode()


def send(database: Database, body: bytes, *files: str) -> Received:
    blobs = [ReceivedFile(name, StoredBlob(sha256=f"{name}-sha", size=1)) for name in files]
    with database.write() as db:
        return receive(db, Arrival(1, read_instance(body), body, tuple(blobs)), NOW)


def count(database: Database, table: sa.Table) -> int:
    with database.read() as db:
        return db.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def one(database: Database, *columns: Any) -> Any:
    with database.read() as db:
        return db.execute(sa.select(*columns)).one()


def current_answer(database: Database) -> bytes:
    """The XML of the version that counts, of the only submission."""
    with database.read() as db:
        joined = submissions.join(
            submission_versions, submission_versions.c.id == submissions.c.current_version_id
        )
        return db.execute(sa.select(submission_versions.c.xml).select_from(joined)).scalar_one()


def codes(result: Received) -> list[str]:
    return [problem.code for problem in result.problems]


def test_a_new_submission_is_kept_byte_for_byte_with_its_work(kept: Database) -> None:
    body = xml(A)
    result = send(kept, body, "1.jpg")
    assert result.outcome is Outcome.NEW
    assert codes(result) == []
    assert current_answer(kept) == body
    assert one(kept, queue.c.name, queue.c.subject_id) == ("process", result.submission_version_id)
    assert count(kept, attachments) == 1


def test_c1_the_same_bytes_ten_times_are_one_submission(kept: Database) -> None:
    outcomes = [send(kept, xml(A)).outcome for _ in range(10)]
    assert outcomes == [Outcome.NEW] + [Outcome.RESENT] * 9
    assert count(kept, submissions) == count(kept, submission_versions) == count(kept, queue) == 1
    assert count(kept, received) == 10


def test_c2_twenty_identical_posts_at_once_are_one_submission(kept: Database) -> None:

    def phone(number: int) -> Any:
        try:
            return send(kept, xml(A), f"{number % 4}.jpg").outcome
        except BaseException as error:
            return error

    outcomes = at_once(20, phone)
    assert all(isinstance(outcome, Outcome) for outcome in outcomes), outcomes
    assert outcomes.count(Outcome.NEW) == 1
    assert count(kept, submissions) == count(kept, submission_versions) == 1
    assert count(kept, attachments) == 4


def test_c6_same_id_with_other_bytes_keeps_both_and_the_first_counts(kept: Database) -> None:
    send(kept, xml(A, "oak"))
    result = send(kept, xml(A, "ash"))
    assert result.outcome is Outcome.DIFFERENT
    assert "different_content" in codes(result)
    assert count(kept, submissions) == 1
    assert count(kept, submission_versions) == 2
    assert current_answer(kept) == xml(A, "oak")
    assert send(kept, xml(A, "ash")).outcome is Outcome.RESENT


def test_c7_files_of_later_posts_join_the_submission(kept: Database) -> None:
    assert send(kept, xml(A), "1.jpg").outcome is Outcome.NEW
    assert send(kept, xml(A), "2.jpg").outcome is Outcome.MORE
    assert send(kept, xml(A), "1.jpg", "2.jpg").outcome is Outcome.RESENT
    assert count(kept, attachments) == 2


def test_an_edit_takes_the_place_of_its_original(kept: Database) -> None:
    send(kept, xml(A, "oak"))
    edit = xml(B, "ash", replaces=A)
    assert send(kept, edit).outcome is Outcome.EDITED
    assert send(kept, edit).outcome is Outcome.RESENT
    assert current_answer(kept) == edit
    assert one(kept, submissions.c.instance_id, submissions.c.review_state) == (A, "edited")


@pytest.mark.parametrize("order", ["ABC", "ACB", "BAC", "BCA", "CAB", "CBA"])
def test_c23_a_chain_of_edits_in_any_order_ends_at_its_last(kept: Database, order: str) -> None:
    bodies = {"A": xml(A), "B": xml(B, "ash", replaces=A), "C": xml(C, "elm", replaces=B)}
    for letter in order:
        send(kept, bodies[letter])
    assert count(kept, submissions) == 1
    assert count(kept, submission_versions) == 3
    assert current_answer(kept) == bodies["C"]


@pytest.mark.parametrize("order", ["ABC", "ACB", "BAC", "BCA", "CAB", "CBA"])
def test_a_chain_that_comes_in_another_order_is_no_doubt(kept: Database, order: str) -> None:
    bodies = {"A": xml(A), "B": xml(B, "ash", replaces=A), "C": xml(C, "elm", replaces=B)}
    for letter in order:
        send(kept, bodies[letter])
    with kept.read() as db:
        flags = db.scalars(sa.select(submission_versions.c.problems)).all()
        (state,) = db.scalars(sa.select(submissions.c.review_state))
    assert list(flags) == [[], [], []]
    assert state == "edited"


def test_two_edits_of_one_original_keep_both_and_flag_the_second(kept: Database) -> None:
    send(kept, xml(A))
    send(kept, xml(B, "ash", replaces=A))
    second = send(kept, xml(C, "elm", replaces=A))
    assert second.outcome is Outcome.EDITED
    assert current_answer(kept) == xml(B, "ash", replaces=A)
    with kept.read() as db:
        flags = db.execute(
            sa.select(submission_versions.c.problems).where(
                submission_versions.c.id == second.submission_version_id
            )
        ).scalar_one()
    assert [flag["code"] for flag in flags] == ["edit_of_old"]


def test_an_original_that_its_edit_overtook_is_not_other_content(kept: Database) -> None:
    send(kept, xml(B, "ash", replaces=A))
    late = send(kept, xml(A))
    assert (late.outcome, codes(late)) == (Outcome.NEW, [])
    assert current_answer(kept) == xml(B, "ash", replaces=A)
    assert send(kept, xml(A, "elm")).outcome is Outcome.DIFFERENT


def test_an_edit_that_does_not_count_leaves_what_people_decided(kept: Database) -> None:
    send(kept, xml(A))
    send(kept, xml(B, "ash", replaces=A))
    with kept.write() as db:
        db.execute(submissions.update().values(review_state="rejected"))
    send(kept, xml(C, "elm", replaces=A))
    assert one(kept, submissions.c.review_state)[0] == "rejected"


@pytest.mark.parametrize("decided", [{"review_state": "rejected"}, {"deleted_at": NOW}])
def test_what_people_decided_of_an_edit_holds_when_what_it_edits_joins_it(
    kept: Database, decided: dict[str, Any]
) -> None:
    send(kept, xml(A))
    send(kept, xml(C, "elm", replaces=B))
    with kept.write() as db:
        db.execute(submissions.update().where(submissions.c.instance_id == B).values(**decided))
    send(kept, xml(B, "ash", replaces=A))
    (name,) = decided
    assert one(kept, submissions.c[name])[0] == decided[name]


@pytest.mark.parametrize("replaced", [A, B])
def test_c2_two_edits_at_once_join_one_chain(kept: Database, replaced: str) -> None:
    send(kept, xml(A))
    first, second = xml(B, "ash", replaces=A), xml(C, "elm", replaces=replaced)
    other = threading.Thread(target=send, args=(kept, second))
    with kept.write() as db:
        receive(db, Arrival(1, read_instance(first), first), NOW)
        other.start()
        other.join(0.3)  # it has to wait, for it cannot see what is not committed
    other.join()
    assert count(kept, submissions) == 1
    assert current_answer(kept) == (first if replaced == A else second)


def test_c11_old_and_unknown_versions_and_closed_forms_are_kept_and_flagged(kept: Database) -> None:
    assert codes(send(kept, xml(A, version="1"))) == ["old_version"]
    assert codes(send(kept, xml(B, version="9"))) == ["unknown_version"]
    with kept.write() as db:
        db.execute(forms.update().values(state="closed"))
    assert codes(send(kept, xml(C))) == ["form_closed"]
    assert count(kept, submissions) == 3


def test_a_form_the_server_never_had_is_refused_and_nothing_is_kept(kept: Database) -> None:
    body = xml(A).replace(b"trees", b"rivers")
    with pytest.raises(Refused) as refused:
        send(kept, body)
    assert refused.value.problem.status == 404
    assert count(kept, received) == count(kept, submissions) == 0


def test_c29_a_deleted_submission_sent_again_stays_deleted(kept: Database) -> None:
    send(kept, xml(A))
    with kept.write() as db:
        db.execute(submissions.update().values(deleted_at=NOW))
    assert send(kept, xml(A)).outcome is Outcome.RESENT
    assert one(kept, submissions.c.deleted_at)[0] == NOW


def test_a_failure_in_the_middle_keeps_nothing(kept: Database) -> None:
    body = xml(A)
    with pytest.raises(RuntimeError), kept.write() as db:
        receive(db, Arrival(1, read_instance(body), body), NOW)
        raise RuntimeError
    assert count(kept, submissions) == count(kept, queue) == 0
    assert send(kept, body).outcome is Outcome.NEW


def test_edits_that_name_each_other_still_have_one_current_version() -> None:
    circle = [Link(1, "a", "b"), Link(2, "b", "a")]
    assert current_version(circle) in (1, 2)
