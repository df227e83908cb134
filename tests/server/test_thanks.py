"""What a phone's user reads after sending: which form, and how many today."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from server.thanks import thanks
from sync import accounts
from sync.receive import Outcome, Received
from sync.tables import submission_versions
from tests.conftest import NOW
from tests.server.conftest import TOKEN, A, B, C, Door, instance, message
from tests.server.test_auth import digest, web  # noqa: F401 (a fixture)


def an_id(number: int) -> str:
    return f"uuid:{number:08d}-1111-4111-8111-111111111111"


@pytest.mark.parametrize(
    ("outcome", "today", "vi", "en"),
    [
        (Outcome.NEW, 1, "Đã nhận: Cây, hôm nay 1 phiếu.", "Received: Cây, 1 today."),
        (Outcome.RESENT, 5, "Đã nhận: Cây, hôm nay 5 phiếu.", "Received: Cây, 5 today."),
        (Outcome.RESENT, 0, "Đã nhận: Cây.", "Received: Cây."),
        (
            Outcome.MORE,
            99,
            "Đã nhận thêm ảnh, tệp của: Cây, hôm nay 99 phiếu.",
            "Received more files of: Cây, 99 today.",
        ),
        (
            Outcome.EDITED,
            100,
            "Đã nhận bản sửa: Cây, hôm nay hơn 99 phiếu.",
            "Received the correction of: Cây, more than 99 today.",
        ),
    ],
)
def test_the_thanks_name_the_form_and_count(outcome: Outcome, today: int, vi: str, en: str) -> None:
    assert thanks(Received(outcome, 1, (), "Cây "), today) == f"{vi} / {en}"


def test_who_tries_a_form_out_is_told_that_it_counts_nowhere() -> None:
    vi, en = thanks(Received(Outcome.NEW, 1, (), "Cây"), 2, on_trial=True).split(" / ")
    assert vi == "Đã nhận: Cây, hôm nay 2 phiếu. Bản nháp: phiếu thử không tính vào số liệu."
    assert en == "Received: Cây, 2 today. A draft: what is sent on trial counts nowhere."


def test_each_new_submission_raises_the_count_and_a_resend_does_not(door: Door) -> None:
    door.add_form("pets", title="Vật nuôi")
    assert "Cây / Trees, hôm nay 1 phiếu" in message(door.post(instance(A)))
    assert "Vật nuôi, hôm nay 2 phiếu" in message(door.post(instance(A, form_id="pets")))
    assert "Cây / Trees, hôm nay 2 phiếu" in message(door.post(instance(A)))
    assert "thêm ảnh, tệp của: Cây / Trees, hôm nay 2 phiếu" in message(
        door.post(instance(A), {"1.jpg": b"jpg"})
    )
    assert "hôm nay 2 phiếu" in message(door.post(instance(A, answer="tần bì")))
    assert "bản sửa: Cây / Trees, hôm nay 2 phiếu" in message(door.post(instance(B, replaces=A)))
    assert "hôm nay 3 phiếu" in message(door.post(instance(C)))


def test_the_count_begins_anew_at_midnight_in_vietnam(door: Door) -> None:
    door.clock.time = NOW.replace(hour=16, minute=59)
    assert "hôm nay 1 phiếu" in message(door.post(instance(A)))
    door.clock.time += timedelta(minutes=2)  # 00:01 in Da Nang
    assert "hôm nay 1 phiếu" in message(door.post(instance(B)))
    answer = message(door.post(instance(A)))  # yesterday's, whose answer was lost
    assert answer.startswith("Đã nhận: Cây / Trees, hôm nay 1 phiếu.")


def test_other_phones_are_not_counted(door: Door) -> None:
    door.post(instance(A))
    with door.database.write() as db:
        accounts.add_app_user(db, "Minh", "city", None, None, "m" * 64, NOW)
    assert "hôm nay 1 phiếu" in message(door.at(f"/key/{'m' * 64}").post(instance(B)))


def test_a_person_with_a_password_is_counted_too(web: Door) -> None:  # noqa: F811
    web.at(f"/key/{TOKEN}").post(instance(A))
    (challenge,) = web.head("/submission").headers.getlist("WWW-Authenticate")
    headers = digest(challenge, "POST", "/submission")
    assert "hôm nay 1 phiếu" in message(web.post(instance(B), headers=headers))


def test_after_99_it_is_more_than_99(door: Door) -> None:
    door.post(instance(an_id(0)))
    with door.database.write() as db:
        (row,) = db.execute(sa.select(submission_versions)).mappings()
        rest = {name: value for name, value in row.items() if name != "id"}
        for number in range(1, 120):
            submission = db.execute(
                sa.text(
                    "INSERT INTO submissions (form_id, instance_id, created_at)"
                    " SELECT form_id, :id, created_at FROM submissions LIMIT 1 RETURNING id"
                ),
                {"id": an_id(number)},
            ).scalar_one()
            own = {"submission_id": submission, "instance_id": an_id(number)}
            db.execute(submission_versions.insert(), rest | own)
    assert "hôm nay hơn 99 phiếu" in message(door.post(instance(an_id(500))))


def test_a_title_with_marks_of_xml_is_escaped(door: Door) -> None:
    door.add_form("odd", title="Cây <to> & đa")
    answer = door.post(instance(A, form_id="odd"))
    assert b"<to>" not in answer.data
    assert "Cây <to> & đa" in message(answer)
