"""A whole phone against the whole door: the library's forms down, a registration and a visit up."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pytest
from lxml import etree

from forms.library import load_library
from server.demo.phone import EntityEdit, Headers, Phone
from sync import accounts, publish
from sync.tables import attachments, submission_versions, submissions
from tests.conftest import NOW
from tests.server.conftest import Door, instance

LAN = "l" * 64
CLUB = "11111111-1111-4111-8111-111111111111"


@dataclass
class InProcess:
    """The phone's network: straight into the WSGI application."""

    door: Door
    calls: int = 0

    def __call__(
        self, method: str, url: str, headers: Headers, body: bytes
    ) -> tuple[int, Headers, bytes]:
        self.calls += 1
        answer = self.door.call(method, url, headers=dict(headers), data=body or None)
        return answer.status_code, dict(answer.headers), answer.data


@pytest.fixture
def village(door: Door) -> Door:
    """The library's forms published; Lan is a volunteer of one club."""
    door.set_state("trees", "closed")
    library = door.runtime.library
    with door.database.write() as db:
        publish.publish_library(db, door.runtime.blobs, library, NOW)
        accounts.add_app_user(db, "Lan", "volunteer", None, CLUB, LAN, NOW)
    return door


@pytest.mark.parametrize("base", ["/key/{}", "/v1/key/{}/projects/1"])
def test_a_phone_gets_the_forms_and_lists_of_its_role_and_sends(village: Door, base: str) -> None:
    network = InProcess(village)
    phone = Phone(f"http://localhost{base.format(LAN)}/", transport=network)
    phone.sync()
    assert phone.forms
    assert set(phone.lists) <= load_library().lists.keys()  # views of a list are lists to a phone
    form_id = min(phone.forms)
    for number in range(3):
        phone.fill(form_id, {}, files={f"{number}.jpg": b"jpg"}, entity=EntityEdit(CLUB, "create"))
    assert phone.send() == 3
    assert phone.outbox == []
    assert "hôm nay 3 phiếu" in phone.last_message
    assert village.count(submissions) == 3
    assert village.count(attachments) == 3


def test_a_phone_that_never_heard_the_answer_sends_again_and_nothing_doubles(
    village: Door,
) -> None:
    class Deaf(InProcess):
        def __call__(
            self, method: str, url: str, headers: Headers, body: bytes
        ) -> tuple[int, Headers, bytes]:
            status, found, data = super().__call__(method, url, headers, body)
            return (504, {}, b"") if method == "POST" and self.calls < 8 else (status, found, data)

    phone = Phone(f"http://localhost/key/{LAN}", transport=InProcess(village))
    phone.sync()
    phone.fill(min(phone.forms), {})
    phone.transport = Deaf(village)
    tries = 0
    while phone.outbox:
        phone.send()
        tries += 1
    assert tries > 1
    assert village.count(submission_versions) == 1


def test_a_form_of_another_role_is_kept_and_flagged(village: Door) -> None:
    rules = village.runtime.library.rules.items()
    hers = next(form for form, rule in rules if "volunteer" in rule.filled_by)
    others = next(form for form, rule in rules if "volunteer" not in rule.filled_by)
    lan = village.at(f"/key/{LAN}")
    assert lan.post(instance(form_id=hers)).status_code == 201
    assert "not_her_form" not in village.flags()
    assert lan.post(instance(form_id=others)).status_code == 201
    assert "not_her_form" in village.flags()


def test_every_library_form_is_served_under_its_listed_hash(village: Door) -> None:
    lan = village.at(f"/key/{LAN}")
    listed = etree.fromstring(lan.get("/formList").data)
    forms = [{etree.QName(node).localname: node.text or "" for node in form} for form in listed]
    assert forms
    assert {form["formID"] for form in forms} <= set(village.runtime.library.forms)
    for form in forms:
        body = lan.get(form["downloadUrl"]).data
        assert form["hash"] == f"md5:{hashlib.md5(body).hexdigest()}"
        assert lan.get(form["manifestUrl"]).status_code == 200
