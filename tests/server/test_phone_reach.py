"""No address, whoever's token or password is in it, shows a row or column that is not the caller's.

Every route the server has is asked with every name there is, so a new route is asked as well.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from werkzeug.routing import Rule

from sync import accounts, entities, publish
from sync.entities import Kept
from sync.tables import app_users, forms
from tests.conftest import NOW
from tests.server.conftest import TOKEN, Door

OURS, THEIRS = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
BA, TU, SAU, NAM = (f"{letter}0000000-0000-4000-8000-000000000000" for letter in "abcd")
HERS = "Hội viên của mình"
SECRETS = {
    "a row of another club": "Hội viên CLB khác",
    "a member who did not agree": "Hội viên không đồng ý",
    "a member who left": "Hội viên đã ra",
    "a column that is not hers": "cot-cam-1234",
    "the way to somebody not in her care": "duong-den-5678",
    "a form she does not fill in": "Đăng ký hội viên",
    "a club that is not hers": "CLB-KHAC",
}
MEMBER = {"status": "active", "c_care": "yes", "club_id": OURS, "member_code": "cot-cam-1234"}
CARED = {"is_member": "active", "agrees_to_care": "yes", "care_level": "regular"}
MINH, LINK, GONE = "m" * 64, "l" * 64, "g" * 64


@pytest.fixture
def village(door: Door) -> Door:
    """The library's forms, members of two clubs, and phones of a volunteer of one of them."""
    library = door.runtime.library
    with door.database.write() as db:
        publish.publish_library(db, door.runtime.blobs, library, NOW)
        care = db.scalar(sa.select(forms.c.id).where(forms.c.xml_form_id == "care_visit"))
        kept = [
            Kept(BA, HERS, MEMBER),
            Kept(TU, SECRETS["a member who did not agree"], {**MEMBER, "c_care": "no"}),
            Kept(NAM, SECRETS["a member who left"], {**MEMBER, "status": "left"}),
            Kept(SAU, SECRETS["a row of another club"], {**MEMBER, "club_id": THEIRS}),
        ]
        entities.keep(db, library, "members", kept, NOW)
        way = {**CARED, "landmark": SECRETS["the way to somebody not in her care"]}
        found = {BA: {**CARED, "landmark": "sau đình"}, TU: {**way, "agrees_to_care": "no"}}
        found |= {NAM: {**way, "is_member": "left"}, SAU: way}
        names = {name for values in found.values() for name in values}
        entities.overlay(db, library, "members", names, found)
        clubs = [Kept(OURS, "CLB mình", {}), Kept(THEIRS, "CLB-KHAC", {})]
        entities.keep(db, library, "clubs", clubs, NOW)
        for token, name in ((MINH, "Minh"), (GONE, "Cũ")):
            accounts.add_app_user(db, name, "volunteer", None, OURS, token, NOW)
        accounts.add_app_user(
            db, "Nối", "volunteer", None, OURS, LINK, NOW, kind="link", form_id=care
        )
        db.execute(app_users.update().where(app_users.c.name == "Cũ").values(revoked_at=NOW))
        sealed = accounts.seal_password("minh", "mat-khau-dai", b"k" * 32)
        accounts.add_user(db, "minh", "volunteer", None, OURS, sealed, NOW)
    return door


@dataclass(frozen=True)
class Who:
    """A caller: the token in the path, or a password in the header."""

    token: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


PASSWORD = {"Authorization": "Basic " + base64.b64encode(b"minh:mat-khau-dai").decode()}
CALLERS = {
    "a phone": Who(MINH),
    "a link": Who(LINK),
    "a password": Who("", PASSWORD),
    "a revoked phone": Who(GONE),
    "nobody": Who(),
}
NAMES = {
    "project": ["1", "2"],
    "form_id": ["care_visit", "membership"],
    "draft": ["care_visit", "membership"],
    "filename": ["members.csv", "clubs.csv", "care_clients.csv"],
    "list_name": ["members", "clubs", "care_clients"],
    "name": ["members", "clubs", "care_clients"],
    "uuid": [BA, SAU],
    "version": ["1"],
    "instance_id": ["uuid:1"],
}


def addresses(rules: Iterator[Rule], token: str) -> Iterator[str]:
    """Every path of every route, with every name there is."""
    for rule in rules:
        if "GET" not in (rule.methods or ()):
            continue
        arguments = sorted(rule.arguments)
        choices = [[token] if one == "token" else NAMES.get(one, ["1"]) for one in arguments]
        for values in itertools.product(*choices):
            path = rule.rule
            for argument, value in zip(arguments, values, strict=True):
                for kind in ("", "path:", "int:"):
                    path = path.replace(f"<{kind}{argument}>", quote(value, safe=""))
            yield path


@pytest.mark.parametrize("who", CALLERS)
def test_no_address_shows_what_is_not_hers(village: Door, who: str) -> None:
    asking = CALLERS[who]
    found: dict[str, bytes] = {}
    paths = set(addresses(village.app.url_map.iter_rules(), asking.token or "-"))
    if asking.token:
        paths |= {f"{path}?st={asking.token}" for path in paths if path.startswith("/v1/p")}
    for path in sorted(paths):
        query = "" if "?" in path else f"?id={SAU}&formID=membership"
        for ending in {"", query}:
            headers = {**asking.headers, "X-Extended-Metadata": "true"}
            answer = village.at("").get(
                path + ending, headers=headers, base_url="https://localhost"
            )
            found[path + ending] = answer.data
    for what, secret in SECRETS.items():
        spelt = {secret.encode(), json.dumps(secret)[1:-1].encode()}  # in JSON with \\u and hex
        leaks = [path for path, body in found.items() if any(one in body for one in spelt)]
        assert leaks == [], what
    shown = any(HERS.encode() in body for body in found.values())
    assert shown == (who in ("a phone", "a link", "a password"))  # so something was asked at all


def test_a_phone_gets_her_row_by_both_spellings_of_her_token(village: Door) -> None:
    for base in (f"/key/{MINH}", f"/v1/key/{MINH}/projects/1"):
        answer = village.at(base).get("/forms/care_visit/attachments/members.csv")
        assert answer.data.decode().splitlines()[1].startswith(f"{BA},{HERS},1,")
        assert len(answer.data.splitlines()) == 2


def test_a_phone_of_another_club_gets_that_clubs_rows_and_mark(village: Door) -> None:
    with village.database.write() as db:
        accounts.add_app_user(db, "Hoa", "volunteer", None, THEIRS, "h" * 64, NOW)
    marks = []
    for token in (MINH, "h" * 64):
        answer = village.at(f"/key/{token}").get("/forms/care_visit/attachments/members.csv")
        marks.append(answer.headers["ETag"])
        assert len(answer.data.splitlines()) == 2
    assert marks[0] != marks[1]
    stolen = village.at(f"/key/{'h' * 64}").get(
        "/forms/care_visit/attachments/members.csv", headers={"If-None-Match": marks[0]}
    )
    assert stolen.status_code == 200


def test_a_link_gets_its_own_form_and_no_other(village: Door) -> None:
    with village.database.write() as db:
        chair = accounts.add_app_user(db, "B", "chair", None, OURS, "b" * 64, NOW, kind="link")
        membership = db.scalar(sa.select(forms.c.id).where(forms.c.xml_form_id == "membership"))
        c = app_users.c
        db.execute(app_users.update().where(c.id == chair).values(form_id=membership))
    link = village.at(f"/key/{'b' * 64}")
    assert link.get("/forms/membership.xml").status_code == 200
    for path in (".xml", "/manifest", "/attachments/members.csv"):
        assert link.get(f"/forms/care_visit{path}").status_code == 404
    assert link.get("/formList").data.count(b"<xform>") == 1


def test_a_link_asks_integrity_of_its_own_forms_lists_only(village: Door) -> None:
    trees = village.rows(forms.c.id, forms.c.xml_form_id)
    (tree_id,) = (row.id for row in trees if row.xml_form_id == "trees")
    with village.database.write() as db:
        accounts.add_app_user(
            db, "B", "chair", None, OURS, "b" * 64, NOW, kind="link", form_id=tree_id
        )
    link = village.at(f"/key/{'b' * 64}")
    assert link.get("/forms/trees.xml").status_code == 200
    assert link.get(f"/datasets/members/integrity?id={BA}").status_code == 403
    assert (
        village.at(f"/key/{MINH}").get("/datasets/members/integrity").data.count(b"<entity ") == 1
    )


def test_what_the_city_may_fill_in_has_no_list_it_may_not_have(village: Door) -> None:
    """No rule of `members` is the city's: a form with that list is not the city's either."""
    library = village.runtime.library
    assert "city" not in library.lists["members"].downloads
    city = village.at(f"/key/{TOKEN}")
    assert b"care_visit" not in city.get("/formList").data


def test_files_of_blobs_are_reached_only_by_the_forms_that_have_them(
    village: Door,
) -> None:
    village.add_attachment("membership", "secret.csv", b"bi mat")
    minh = village.at(f"/key/{MINH}")
    assert minh.get("/forms/membership/attachments/secret.csv").status_code == 404
    assert minh.get("/forms/care_visit/attachments/secret.csv").status_code == 404
