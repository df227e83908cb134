"""Sending: what Collect needs to let go of a form, and what is kept then (protocol §11 A 47–86)."""

from __future__ import annotations

import unicodedata
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from server import intake as group
from server.app import create_app
from sync import accounts
from sync.blobs import Folder, open_blobs
from sync.database import Database
from sync.receive import Outcome
from sync.tables import attachments, received, submission_versions, submissions
from tests.at_once import at_once
from tests.conftest import NOW
from tests.server.conftest import (
    JPEG,
    TOKEN,
    A,
    B,
    C,
    CountingJobs,
    Door,
    Part,
    instance,
    message,
    multipart,
)

V = submission_versions.c


def current(door: Door) -> str:
    """The instanceID of the version that counts, of the only submission."""
    ((current_id,),) = door.rows(submissions.c.current_version_id)
    by_id = {row.id: str(row.instance_id) for row in door.rows(V.id, V.instance_id)}
    return by_id[current_id]


# ------------------------------------------------------------------ HEAD


def test_a47_head_submission_is_204(door: Door) -> None:
    answer = door.head("/submission?deviceID=collect%3Aabcdefgh12345678")
    assert (answer.status_code, answer.data) == (204, b"")
    assert door.get("/submission").status_code == 204


def test_a48_head_announces_how_much_one_post_may_hold(door: Door) -> None:
    answer = door.head("/submission")
    assert answer.headers["X-OpenRosa-Accept-Content-Length"] == "10000000"


def test_a49_head_gives_no_location(door: Door) -> None:
    assert "Location" not in door.head("/submission").headers


# ------------------------------------------------------------------ POST


def test_a50_a_valid_instance_is_201_and_a_worker_is_woken(door: Door) -> None:
    assert door.post(instance()).status_code == 201
    assert door.kept() == {
        "received": 1,
        "submissions": 1,
        "submission_versions": 1,
        "attachments": 0,
        "queue": 1,
    }
    jobs = door.runtime.jobs
    assert isinstance(jobs, CountingJobs)
    assert jobs.wakes == 1


def test_a51_the_answer_has_a_message_without_prefix(door: Door) -> None:
    answer = door.post(instance())
    assert answer.content_type == "text/xml; charset=utf-8"
    assert message(answer).startswith("Đã nhận: Cây / Trees, hôm nay 1 phiếu. / Received: ")


@pytest.mark.parametrize("path", ["/submission", "/submission/", "//submission", "///submission//"])
def test_a52_no_spelling_of_the_address_is_redirected(door: Door, path: str) -> None:
    assert door.head(path).status_code == 204
    assert door.post(instance(), path=path).status_code == 201


def test_a53_the_same_post_ten_times_is_one_submission(door: Door) -> None:
    """Incident C1: a retry after every lost answer made ten rows of one form."""
    answers = [door.post(instance()).status_code for _ in range(10)]
    assert set(answers) <= {201, 202}
    assert (door.count(submissions), door.count(submission_versions)) == (1, 1)
    assert door.count(received) == 10


def test_a54_the_same_id_with_other_bytes_is_kept_beside_the_first(door: Door) -> None:
    """Incident C6. Peers answer 409 for ever, and the phone is stuck; here a person decides."""
    door.post(instance(answer="sồi"))
    assert door.post(instance(answer="tần bì")).status_code == 201
    assert {row.xml for row in door.rows(V.xml)} == {
        instance(answer="sồi"),
        instance(answer="tần bì"),
    }
    assert door.count(submissions) == 1
    assert door.flags() == ["different_content"]


@pytest.mark.parametrize("filename", ["x.xml", "xml_submission_file", "Phiếu “1”.XML", ""])
def test_a55_the_xml_is_found_by_part_name_whatever_its_file_is_called(
    door: Door, filename: str
) -> None:
    part = Part("xml_submission_file", filename, instance(), "text/plain")
    assert door.post(None, [part]).status_code == 201


def test_a55_the_xml_may_come_after_the_files_or_as_a_field(door: Door) -> None:
    photo = Part("1.jpg", "1.jpg", b"jpg", "image/jpeg")
    assert door.post(None, [photo, Part("xml_submission_file", "x", instance())]).status_code == 201
    field = Part("xml_submission_file", None, instance(B), None)
    assert door.post(None, [field]).status_code == 201
    assert {row.instance_id for row in door.rows(V.instance_id)} == {A, B}


def test_a56_files_in_three_posts_join_one_submission(door: Door) -> None:
    for number in (1, 2, 3):
        answer = door.post(instance(), {f"{number}.jpg": b"jpg"}, incomplete=number < 3)
        assert answer.status_code == 201
    assert {row.name for row in door.rows(attachments.c.name)} == {"1.jpg", "2.jpg", "3.jpg"}
    assert door.count(submission_versions) == 1


def test_a57_the_same_without_the_incomplete_mark(door: Door) -> None:
    for number in (1, 2, 3):
        assert door.post(instance(), {f"{number}.jpg": b"jpg"}).status_code == 201
    assert door.count(attachments) == 3


def test_c7_twenty_photos_in_five_posts_in_any_order_with_one_sent_again(door: Door) -> None:
    batches = [{f"{n}.jpg": b"jpg%d" % n for n in range(i * 4, i * 4 + 4)} for i in range(5)]
    for number in (3, 0, 0, 4, 1, 3, 2):
        assert door.post(instance(), batches[number], incomplete=True).status_code == 201
    assert door.count(attachments) == 20
    assert door.count(submissions) == 1


def test_c7_photos_in_any_order_with_one_post_lost_on_the_way_and_a_restart(door: Door) -> None:
    names = [f"{n}.jpg" for n in range(12)]
    batches = [{name: name.encode() for name in names[i : i + 3]} for i in (0, 3, 6, 9)]
    assert door.post(instance(), batches[2], incomplete=True).status_code == 201
    parts = [Part("xml_submission_file", "x.xml", instance(), "text/xml")]
    parts += [Part(name, name, content) for name, content in batches[0].items()]
    assert door.post_body(multipart(parts)[:-60]).status_code == 400
    door.runtime.database.dispose()
    fresh = replace(door, app=create_app(door.runtime.settings, door.runtime))
    answers = at_once(8, lambda n: fresh.post(instance(), batches[n % 4], incomplete=n % 4 < 3))
    assert {answer.status_code for answer in answers} == {201}
    assert sorted(row.name for row in door.rows(attachments.c.name)) == sorted(names)
    assert door.count(submission_versions) == 1


def test_a58_a_file_that_is_here_already_is_accepted_again(door: Door) -> None:
    for _ in range(2):
        assert door.post(instance(), {"1.jpg": b"jpg"}).status_code == 201
    assert door.count(attachments) == 1
    outcomes = [row.outcome for row in door.rows(received.c.outcome)]
    assert outcomes == [Outcome.NEW, Outcome.RESENT]


def test_a59_a_hundred_and_two_files_in_one_post(door: Door) -> None:
    files = {f"{n}.jpg": b"%d" % n for n in range(102)}
    assert door.post(instance(), files).status_code == 201
    assert door.count(attachments) == 102


@pytest.mark.parametrize(
    "name", ["ảnh nhà.jpg", "ảnh " + "dài " * 40 + ".jpg", "😀 (1).jpg", "a+b %41&c;d.jpg"]
)
def test_a60_names_beyond_ascii_are_kept(door: Door, name: str) -> None:
    assert door.post(instance(photo="x"), {name: JPEG}).status_code == 201
    assert [row.name for row in door.rows(attachments.c.name)] == [name]
    assert door.flags() == []


def test_c8_a_name_written_in_pieces_is_the_name_of_the_form(door: Door) -> None:
    """NFD in the upload, NFC in the XML: a peer took the photo for an orphan and deleted it."""
    door.post(instance(), {unicodedata.normalize("NFD", "ảnh nhà.jpg"): JPEG})
    assert [row.name for row in door.rows(attachments.c.name)] == ["ảnh nhà.jpg"]
    assert door.flags() == []


@pytest.mark.parametrize(
    "spoilt",
    [
        "ảnh nhà.jpg".encode("latin-1", "replace"),
        quote("ảnh nhà.jpg").encode(),
        "ảnh nhà.jpg".encode().decode("latin-1").encode(),
        b"\xa3nh nh\xe0.jpg",
    ],
)
def test_c8_a_name_that_was_spoilt_on_the_way_is_the_name_of_the_form(
    door: Door, spoilt: bytes
) -> None:
    """A peer stored latin-1 rubbish (CB#908); the photo then had no question."""
    parts = [
        Part("xml_submission_file", "x.xml", instance(photo="ảnh nhà.jpg"), "text/xml"),
        Part("NAME", "NAME", b"jpg"),
    ]
    assert door.post_body(multipart(parts).replace(b"NAME", spoilt)).status_code == 201
    assert [row.name for row in door.rows(attachments.c.name)] == ["ảnh nhà.jpg"]


def test_c125_what_was_deleted_is_thanked_for_again_and_stays_deleted(door: Door) -> None:
    """Central answers 409 for ever."""
    door.post(instance())
    with door.database.write() as db:
        db.execute(submissions.update().values(deleted_at=NOW))
    for body in (instance(), instance(answer="thông"), instance(B, replaces=A)):
        assert door.post(body).status_code == 201
    assert [row.deleted_at for row in door.rows(submissions.c.deleted_at)] == [NOW]
    assert door.count(submission_versions) == 3


def test_a60_a_quote_in_a_name_arrives_as_okhttp_writes_it(door: Door) -> None:
    door.post(instance(), [Part("a%22b.jpg", "a%22b.jpg", b"jpg")])
    assert [row.name for row in door.rows(attachments.c.name)] == ['a"b.jpg']


def test_a61_a_file_no_question_names_is_kept(door: Door) -> None:
    assert door.post(instance(), {"old photo.jpg": b"jpg"}).status_code == 201
    assert door.count(attachments) == 1


def test_a62_audit_csv_is_taken_whether_named_or_not(door: Door) -> None:
    named = instance(B).replace(b"<meta>", b"<meta><audit>audit.csv</audit>")
    assert door.post(instance(A), {"audit.csv": b"event\n"}).status_code == 201
    assert door.post(named, {"audit.csv": b"event\n"}).status_code == 201
    assert door.count(attachments) == 2


def test_a63_c2_twenty_identical_posts_at_once_are_one_submission(door: Door) -> None:
    """OkHttp repeats a POST within milliseconds; check-then-insert made twins elsewhere."""
    answers = at_once(20, lambda _: door.post(instance(), {"1.jpg": b"jpg"}))
    assert len(answers) == 20
    assert {answer.status_code for answer in answers} <= {201, 202}
    kept = door.kept()
    assert (kept["submissions"], kept["submission_versions"], kept["attachments"]) == (1, 1, 1)
    assert (kept["received"], kept["queue"]) == (20, 1)


def test_c2_twenty_posts_of_one_form_at_once_unite_their_files(door: Door) -> None:
    answers = at_once(20, lambda n: door.post(instance(), {f"{n}.jpg": b"%d" % n}))
    assert {answer.status_code for answer in answers} == {201}
    assert door.count(attachments) == 20
    assert door.count(submission_versions) == 1


def test_c3_every_loser_of_the_race_is_thanked_too(door: Door) -> None:
    answers = at_once(20, lambda _: door.post(instance()))
    said = {message(answer) for answer in answers}
    assert said == {"Đã nhận: Cây / Trees, hôm nay 1 phiếu. / Received: Cây / Trees, 1 today."}


def test_twenty_different_contents_of_one_id_at_once_are_all_kept(door: Door) -> None:
    answers = at_once(20, lambda n: door.post(instance(answer=f"cây {n}")))
    assert {answer.status_code for answer in answers} == {201}
    assert (door.count(submissions), door.count(submission_versions)) == (1, 20)


def test_an_original_and_its_edits_at_once_are_one_submission(door: Door) -> None:
    bodies = [instance(A), instance(B, replaces=A), instance(C, replaces=B)] * 6
    answers = at_once(18, lambda n: door.post(bodies[n]))
    assert {answer.status_code for answer in answers} == {201}
    assert {row.instance_id for row in door.rows(V.instance_id)} == {A, B, C}
    assert door.count(submission_versions) == 3
    assert door.count(submissions) == 1


@pytest.mark.parametrize("cut", [1, 6, 8, 60, 200])
def test_a64_a_body_cut_short_is_refused_and_nothing_of_it_kept(door: Door, cut: int) -> None:
    parts = [
        Part("xml_submission_file", "x.xml", instance(), "text/xml"),
        Part("1.jpg", "1.jpg", b"j" * 100),
    ]
    whole = multipart(parts)
    # The last CRLF, and the two dashes that close, are the only bytes a reader may do without.
    body = whole[: -cut - 4]
    answer = door.post_body(body)
    assert answer.status_code == 400
    assert "Xin gửi lại" in message(answer)
    assert set(door.kept().values()) == {0}


def test_a64_a_connection_that_ends_before_content_length_is_refused(door: Door) -> None:
    body = multipart([Part("xml_submission_file", "x.xml", instance(), "text/xml")])
    answer = door.post_body(body, environ_overrides={"CONTENT_LENGTH": str(len(body) + 100)})
    assert answer.status_code == 400
    assert set(door.kept().values()) == {0}


def test_a65_the_previous_version_is_kept_as_made_with_it(door: Door) -> None:
    door.add_form(version="2")
    assert door.post(instance(version="1")).status_code == 201
    ((version, form_version_id),) = door.rows(V.version, V.form_version_id)
    assert (version, form_version_id) == ("1", 1)
    assert door.flags() == ["old_version"]


@pytest.mark.parametrize("version", ["0", "99", "", None, "bản mới"])
def test_a66_a_version_the_server_does_not_have_is_kept_and_flagged(
    door: Door, version: str | None
) -> None:
    """Peers answer 404: the phone would be stuck with it for ever."""
    assert door.post(instance(version=version)).status_code == 201
    ((kept_version, form_version_id),) = door.rows(V.version, V.form_version_id)
    assert (kept_version, form_version_id) == (version or "", None)
    assert door.flags() == ["unknown_version"]


@pytest.mark.parametrize(("state", "flags"), [("closing", []), ("closed", ["form_closed"])])
def test_a67_a_closed_form_still_takes_what_was_filled_in_before(
    door: Door, state: str, flags: list[str]
) -> None:
    door.set_state("trees", state)
    assert door.post(instance()).status_code == 201
    assert door.flags() == flags


def test_a68_a_form_this_server_never_had_is_404_with_a_message(door: Door) -> None:
    answer = door.post(instance(form_id="houses"))
    assert answer.status_code == 404
    assert "houses" in message(answer)
    assert set(door.kept().values()) == {0}


@pytest.mark.parametrize(
    "base", [f"/v1/key/{TOKEN}/projects/2", f"/v1/key/{TOKEN}", "/nothing/here"]
)
def test_a69_a_base_that_does_not_exist_is_404(door: Door, base: str) -> None:
    for path in ("/formList", "/submission"):
        answer = door.at(base).get(path)
        assert answer.status_code == 404
        assert answer.headers["X-OpenRosa-Version"] == "1.0"
        assert "địa chỉ" in message(answer)


def test_a70_a71_failures_carry_a_message_and_success_is_never_200(door: Door) -> None:
    bad = door.post(b"<data/>")
    assert bad.status_code == 400
    assert message(bad)
    assert door.post(instance()).status_code not in (200, 204)


def test_a72_a_body_beyond_the_limit_is_413(door: Door) -> None:
    answer = door.post_body(b"", environ_overrides={"CONTENT_LENGTH": "600000000"})
    assert answer.status_code == 413
    assert "500000000" in message(answer)


def test_a73_one_file_beyond_the_announced_size_is_taken(door: Door) -> None:
    limit = int(door.head("/submission").headers["X-OpenRosa-Accept-Content-Length"])
    assert door.post(instance(), {"film.mp4": b"0" * (limit + 1)}).status_code == 201
    ((size,),) = door.rows(attachments.c.size)
    assert size == limit + 1


def test_a74_meta_in_any_namespace_gives_the_same_instance_id(door: Door) -> None:
    orx = (
        '<data id="trees" version="1" xmlns:orx="http://openrosa.org/xforms"><orx:meta>'
        f"<orx:instanceID>{A}</orx:instanceID></orx:meta></data>"
    ).encode()
    door.post(orx)
    door.post(instance(A))
    assert door.count(submissions) == 1


def test_a75_the_root_may_have_any_name(door: Door) -> None:
    body = instance().replace(b"<data", b"<cay").replace(b"</data>", b"</cay>")
    assert door.post(body).status_code == 201


@pytest.mark.parametrize("body", [b"\n", b"\r\n  ", b"<!-- x -->", b" "])
def test_a76_the_xml_is_kept_byte_for_byte(door: Door, body: bytes) -> None:
    sent = instance(answer="Nguyễn &amp; &#128512; \r\n") + body
    door.post(sent)
    ((kept,),) = door.rows(V.xml)
    assert kept == sent


def test_a77_a78_an_edit_replaces_its_original_and_a_retry_adds_nothing(door: Door) -> None:
    door.post(instance(A))
    for _ in range(2):
        assert door.post(instance(B, replaces=A)).status_code == 201
    assert door.rows(submissions.c.instance_id, submissions.c.review_state) == [(A, "edited")]
    assert door.count(submission_versions) == 2
    assert current(door) == B


def test_an_edit_by_another_phone_counts_and_is_flagged(door: Door) -> None:
    with door.database.write() as db:
        accounts.add_app_user(db, "Minh", "city", None, None, "m" * 64, NOW)
    door.post(instance(A))
    door.post(instance(B, replaces=A))
    assert door.flags() == []
    door.at(f"/key/{'m' * 64}").post(instance(C, replaces=B))
    assert door.flags() == ["edit_by_another"]
    assert current(door) == C


def test_a79_an_edit_of_a_superseded_version_is_kept_and_flagged(door: Door) -> None:
    """Peers answer 409; two people mending one form are not the phone's fault."""
    door.post(instance(A))
    door.post(instance(B, replaces=A))
    assert door.post(instance(C, replaces=A)).status_code == 201
    assert door.count(submission_versions) == 3
    assert current(door) == B
    assert "edit_of_old" in door.flags()


def test_a80_an_edit_may_come_before_its_original(door: Door) -> None:
    assert door.post(instance(B, replaces=A)).status_code == 201
    assert door.post(instance(A)).status_code == 201
    assert door.rows(submissions.c.instance_id) == [(A,)]
    assert current(door) == B


def test_a81_a_chain_of_edits_in_order_is_three_versions(door: Door) -> None:
    for body in (instance(A), instance(B, replaces=A), instance(C, replaces=B)):
        assert door.post(body).status_code == 201
    assert door.count(submission_versions) == 3
    assert current(door) == C


def test_a82_files_of_the_original_stay_when_the_edit_brings_none(door: Door) -> None:
    door.post(instance(A, photo="1.jpg"), {"1.jpg": b"jpg"})
    door.post(instance(B, replaces=A, photo="1.jpg"))
    ((sha256,),) = door.rows(attachments.c.sha256)
    with door.runtime.blobs.open(sha256) as kept:
        assert kept.read() == b"jpg"


@pytest.mark.parametrize(
    ("namespace", "media"),
    [
        (
            "http://www.opendatakit.org/xforms/encrypted",
            "<media><file>1.jpg.enc</file><file>2.jpg.enc</file></media>",
        ),
        (
            "http://opendatakit.org/submissions",
            "<media><file>1.jpg.enc</file></media><media><file>2.jpg.enc</file></media>",
        ),
    ],
)
def test_a83_a84_an_encrypted_envelope_is_kept_over_several_posts(
    door: Door, namespace: str, media: str
) -> None:
    envelope = (
        f'<data xmlns="{namespace}" encrypted="yes" id="trees" version="1">'
        "<base64EncryptedKey>a</base64EncryptedKey>"
        f'<orx:meta xmlns:orx="http://openrosa.org/xforms"><orx:instanceID>{A}</orx:instanceID>'
        f"</orx:meta>{media}<encryptedXmlFile>submission.xml.enc</encryptedXmlFile></data>"
    ).encode()
    first = door.post(envelope, {"submission.xml.enc": b"1"}, incomplete=True)
    second = door.post(envelope, {"1.jpg.enc": b"2", "2.jpg.enc": b"3"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert door.count(attachments) == 3
    assert door.flags() == ["encrypted"]


def test_a85_an_entity_that_cannot_be_is_still_a_submission(door: Door) -> None:
    entity = b'<meta><entity dataset="nothing" update="1" id="no uuid" baseVersion="x"/>'
    assert door.post(instance().replace(b"<meta>", entity)).status_code == 201


def test_a86_a_restart_between_two_posts_of_one_form_is_not_noticed(door: Door) -> None:
    door.post(instance(), {"1.jpg": b"1"}, incomplete=True)
    door.runtime.database.dispose()
    fresh = replace(door, app=create_app(door.runtime.settings, door.runtime))
    assert fresh.post(instance(), {"2.jpg": b"2"}).status_code == 201
    assert door.count(attachments) == 2


@pytest.mark.parametrize("day", ["1970-01-01", "2029-01-20", "not a day"])
def test_c9_a_wrong_clock_refuses_nothing(door: Door, day: str) -> None:
    assert door.post(instance(answer=day), headers={"Date": "Fri, 02 Jan 1970"}).status_code == 201


def test_c122_who_sent_it_is_kept_beside_it(door: Door) -> None:
    door.post(
        instance(),
        path="/submission?deviceID=collect%3Aabc%00",
        headers={"User-Agent": "org.koboc.collect.android/v2025.3.3 " + "x" * 400},
    )
    c = received.c
    ((device, agent, app_user, user),) = door.rows(
        c.device_id, c.user_agent, c.app_user_id, c.user_id
    )
    assert (device, app_user, user) == ("collect:abc", 1, None)
    assert len(agent) == 255


# ------------------------------------------------------------------ 201 means kept


def test_c4_201_means_that_a_new_connection_reads_the_bytes(door: Door) -> None:
    answer = door.post(instance(), {"1.jpg": b"jpg"})
    assert answer.status_code == 201
    other = Database(door.runtime.settings.database_url, door.database.vault)
    with other.read() as db:
        assert db.execute(sa.select(V.xml)).scalar_one() == instance()
        sha256 = db.execute(sa.select(attachments.c.sha256)).scalar_one()
    other.dispose()
    with open_blobs(door.runtime.settings.blobs).open(sha256) as kept:
        assert kept.read() == b"jpg"


def _fail(*_: Any, **__: Any) -> Any:
    raise OperationalError("INSERT", {}, Exception("disk I/O error"))


def _no_space(*_: Any, **__: Any) -> Any:
    raise OSError(28, "No space left on device")


@contextmanager
def _commit_fails(real: Any) -> Any:
    with real() as db:
        yield db
        raise OperationalError("COMMIT", {}, Exception("could not commit"))


@pytest.mark.parametrize("step", ["files", "receive", "commit", "queue"])
def test_c4_a_failure_at_any_step_is_503_and_keeps_nothing(
    door: Door, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.head("/submission")  # the phone is known: only the submission writes below
    if step == "files":
        monkeypatch.setattr(Folder, "put", _no_space)
    elif step == "receive":
        monkeypatch.setattr(group, "receive_many", _fail)
    elif step == "commit":
        real = door.database.write
        monkeypatch.setattr(Database, "write", lambda self: _commit_fails(real))
    else:
        monkeypatch.setattr("sync.queue.add_many", _fail)
    answer = door.post(instance(), {"1.jpg": b"jpg"})
    monkeypatch.undo()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert "gửi lại" in message(answer)
    assert set(door.kept().values()) == {0}
    assert door.post(instance(), {"1.jpg": b"jpg"}).status_code == 201


def test_c5_a_lost_race_is_tried_again_and_not_shown_to_the_phone(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = group.receive_many, []

    def deadlock_once(*given: Any) -> Any:
        calls.append(1)
        return _fail() if len(calls) == 1 else real(*given)

    monkeypatch.setattr(group, "receive_many", deadlock_once)
    assert door.post(instance()).status_code == 201
    assert len(calls) == 2


def test_a_programming_error_is_500_without_its_text(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    someone = "".join(("Trần", " Thị Ba"))

    def broken(*_: Any) -> Any:
        raise KeyError(someone)

    monkeypatch.setattr(group, "receive_many", broken)
    answer = door.post(instance())
    assert answer.status_code == 500
    assert "phiếu chưa gửi được vẫn còn trên điện thoại" in message(answer)
    assert someone not in caplog.text
    assert TOKEN not in caplog.text
    assert "KeyError" in caplog.text
