"""The phone of the tests is itself tested: what Collect and okhttp do is written once, and here."""

from __future__ import annotations

import gzip
import itertools
from dataclasses import replace

import pytest

from server.demo.phone import Filled, Headers, PhoneForm, SyncError, _template
from tests.collect import Collect, Found, Held, Listed, MediaFile, _md5
from tests.local_entities import LocalChange, LocalEntity, changes_of, finalized, imported, saves_of
from tests.network import Answer, Died, OkHttp, Unreachable, Weather

OPENROSA = {"X-OpenRosa-Version": "1.0", "Content-Type": "text/xml; charset=utf-8"}
FORM = (
    b'<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"><h:head>'
    b'<model><instance><data id="trees" version="1"><sp/><meta><instanceID/></meta></data>'
    b"</instance></model></h:head></h:html>"
)
BA = "11111111-1111-4111-8111-111111111111"
NEW_BRANCH = "22222222-2222-4222-8222-222222222222"


class Script:
    """A server that answers what it was told to, and remembers what it was asked."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Headers, bytes]] = []

    def __call__(self, method: str, url: str, headers: Headers, body: bytes) -> Answer:
        self.asked.append((method, url, headers, body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def credentials(self) -> list[str]:
        return [
            headers.get("Authorization", "").partition(" ")[0] for _, _, headers, _ in self.asked
        ]


OK: Answer = (200, {}, b"good")


def refused(*challenges: str) -> Answer:
    return 401, {"WWW-Authenticate": "\n".join(challenges)}, b""


DIGEST = 'Digest realm="r", qop="auth", nonce="n"'
BASIC = 'Basic realm="r"'


def ask(script: Script, url: str = "https://s/x", name: str = "minh") -> Answer:
    return OkHttp(script, name, "secret")("GET", url, {}, b"")


# ------------------------------------------------------------------ okhttp


@pytest.mark.parametrize(
    ("challenges", "url", "scheme"),
    [
        ((DIGEST, BASIC), "https://s/x", "Digest"),
        ((BASIC, DIGEST), "https://s/x", "Basic"),
        ((BASIC, DIGEST), "http://s/x", "Digest"),
        (('Negotiate x="y"', BASIC), "https://s/x", "Basic"),
    ],
)
def test_the_first_challenge_it_knows_counts_and_basic_only_on_https(
    challenges: tuple[str, ...], url: str, scheme: str
) -> None:
    script = Script(refused(*challenges), OK)
    assert ask(script, url)[0] == 200
    assert script.credentials() == ["", scheme]


@pytest.mark.parametrize(
    ("answers", "name"),
    [
        ([(401, {}, b"")], "minh"),  # nothing to answer
        ([refused(DIGEST)], ""),  # nobody to answer
        ([refused(BASIC)], "minh"),  # on http
        ([refused(DIGEST), refused(DIGEST)], "minh"),  # wrong
    ],
)
def test_what_cannot_be_answered_is_not(answers: list[Answer], name: str) -> None:
    script = Script(*answers)
    assert ask(script, "http://s/x", name)[0] == 401
    assert script.answers == []


def test_an_old_nonce_costs_one_more_round_and_then_it_is_sent_unasked() -> None:
    stale = DIGEST.replace('"n"', '"m"') + ", stale=true"
    script = Script(refused(DIGEST), OK, refused(stale), OK, OK)
    http = OkHttp(script, "minh", "secret")
    for _ in range(3):
        assert http("GET", "https://s/x?y=%20", {}, b"")[0] == 200
    assert script.credentials() == ["", "Digest", "Digest", "Digest", "Digest"]
    assert 'uri="/x?y=%20"' in script.asked[-1][2]["Authorization"]
    assert "nc=00000002" in script.asked[-1][2]["Authorization"]


def test_a_dead_connection_is_tried_three_times_and_no_signal_once() -> None:
    assert ask(Script(Died(), Died(), OK))[0] == 200
    script = Script(Died(), Died(), Died(), OK)
    with pytest.raises(Died):
        ask(script)
    script = Script(Unreachable(), OK)
    with pytest.raises(Unreachable):
        ask(script)
    script = Script(TimeoutError(), OK)
    with pytest.raises(TimeoutError):
        ask(script)


def test_it_keeps_what_has_an_etag_and_undoes_gzip() -> None:
    packed = gzip.compress(b"good")
    first: Answer = (200, {"ETag": '"1"', "Content-Encoding": "gzip"}, packed)
    script = Script(first, (304, {}, b""))
    http = OkHttp(script)
    assert [http("GET", "https://s/x", {}, b"")[::2] for _ in range(2)] == [(200, b"good")] * 2
    assert script.asked[1][2]["If-None-Match"] == '"1"'


def test_a_post_that_is_redirected_loses_its_body_unless_by_307() -> None:
    for code, method in ((302, "GET"), (307, "POST")):
        script = Script((code, {"Location": "/y"}, b""), OK)
        OkHttp(script)("POST", "https://s/x", {}, b"body")
        assert script.asked[1][:2] == (method, "https://s/y")
        assert script.asked[1][3] == (b"body" if method == "POST" else b"")


# ------------------------------------------------------------------ Collect: forms


def a_phone(script: Script) -> Collect:
    return Collect("https://s", transport=OkHttp(script))


def held(version: str = "1", xform: bytes = FORM, media: dict[str, bytes] | None = None) -> Held:
    return Held(PhoneForm("trees", version, xform, _template(xform), media or {}))


LOGO = MediaFile("logo.png", _md5(b"logo"), "https://s/logo", False, "")


@pytest.mark.parametrize(
    ("here", "listed", "found"),
    [
        ([], Listed("trees", "1", _md5(FORM), ""), Found.NEW),
        ([held()], Listed("trees", "1", _md5(FORM), ""), Found.ON_DEVICE),
        ([replace(held(), is_deleted=True)], Listed("trees", "1", _md5(FORM), ""), Found.NEW),
        ([held()], Listed("trees", "1", "0" * 32, ""), Found.UPDATED_HASH),
        ([held()], Listed("trees", "2", "0" * 32, ""), Found.UPDATED_VERSION),
        ([held()], Listed("trees", "2", "", ""), Found.ON_DEVICE),
        ([held()], Listed("trees", "1", _md5(FORM), "", (LOGO,)), Found.UPDATED_MEDIA),
        (
            [held(media={"logo.png": b"logo"})],
            Listed("trees", "1", _md5(FORM), "", (LOGO,)),
            Found.ON_DEVICE,
        ),
    ],
)
def test_what_a_listed_form_is_to_the_phone(here: list[Held], listed: Listed, found: Found) -> None:
    phone = a_phone(Script())
    phone.held = here
    assert phone._classify(listed) is found


def a_list(*forms: str) -> Answer:
    inner = "".join(
        f"<xform><formID>{name}</formID><name>{name}</name><version>1</version>"
        f"<hash>md5:{_md5(FORM)}</hash><downloadUrl>https://s/{name}.xml</downloadUrl></xform>"
        for name in forms
    )
    root = f'<xforms xmlns="http://openrosa.org/xforms/xformsList">{inner}</xforms>'
    return 200, OPENROSA, root.encode()


def test_a_form_that_is_listed_no_more_goes_unless_it_was_filled_in() -> None:
    phone = a_phone(Script(a_list("trees"), (200, {}, FORM), a_list(), a_list("trees"), OK))
    phone.sync()
    assert set(phone.forms) == {"trees"}
    phone.outbox.append(Filled("uuid:1", "trees", b"<data/>"))
    phone.sync()
    assert phone.forms == {}
    assert [one.is_deleted for one in phone.held] == [True]
    with pytest.raises(SyncError):
        phone.sync()  # NEW again, and what came was no form
    assert len(phone.outbox) == 1


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"Content-Type": "text/html"}, b"<html/>"),
        (200, {"Content-Type": "text/xml"}, a_list()[2]),
        (200, {**OPENROSA, "Content-Type": "application/xml"}, a_list()[2]),
        (500, OPENROSA, b""),
        (200, OPENROSA, a_list("trees")[2].replace(b"<name>trees</name>", b"<name> </name>")),
        (200, OPENROSA, b"<xforms/>"),
        (200, OPENROSA, a_list()[2][:30]),
    ],
)
def test_a_list_that_is_none_deletes_nothing(answer: Answer) -> None:
    phone = a_phone(Script(answer))
    phone.held = [held()]
    with pytest.raises(SyncError):
        phone.sync()
    assert len(phone.held) == 1


# ------------------------------------------------------------------ Collect: sending


@pytest.mark.parametrize(
    ("head", "posts", "is_sent"),
    [
        (204, [201], True),
        (204, [202], True),
        (204, [200], False),
        (204, [204], False),
        (204, [409], False),
        (404, [201], True),  # the POST comes all the same
        (500, [201], True),
        (200, [], False),
        (401, [], False),
    ],
)
def test_c5_what_counts_as_sent(head: int, posts: list[int], is_sent: bool) -> None:
    script = Script((head, {}, b""), *((status, {}, b"") for status in posts))
    phone = a_phone(script)
    phone.outbox.append(Filled("uuid:1", "trees", b"<data/>"))
    assert phone.send() == int(is_sent)
    assert len(phone.outbox) == int(not is_sent)
    assert script.answers == []


def test_one_form_that_fails_stops_no_other_and_a_large_one_goes_in_parts() -> None:
    fine: Answer = (204, {"X-OpenRosa-Accept-Content-Length": "1000"}, b"")
    script = Script(fine, (500, {}, b""), fine, *[(201, {}, b"")] * 3)
    phone = a_phone(script)
    files = {f"{n}.jpg": b"x" * 600 for n in range(3)}
    phone.outbox += [Filled("uuid:1", "trees", b"<a/>"), Filled("uuid:2", "trees", b"<b/>", files)]
    assert phone.send() == 1
    bodies = [body for method, _, _, body in script.asked if method == "POST"]
    assert ["*isIncomplete*" in str(body) for body in bodies] == [False, True, True, False]
    assert all(b"<b/>" in body for body in bodies[1:])


def test_what_it_knows_survives_a_flat_battery() -> None:
    phone = a_phone(Script())
    phone.held = [held(media={"logo.png": b"\x00\xff"})]
    phone._show()
    phone.fill("trees", {"sp": "sồi"}, files={"ảnh.jpg": b"\xff"})
    phone.entities = {"members": {BA: LocalEntity(BA, "Ba", 2, {"hamlet": "1"}, "OFFLINE")}}
    again = a_phone(Script())
    again.remembers(phone.memory())
    assert again.memory() == phone.memory()
    assert again.outbox == phone.outbox


# ------------------------------------------------------------------ Collect: entities


def branch() -> str:
    return NEW_BRANCH


def row(version: int, **properties: str) -> dict[str, str]:
    return {"name": BA, "label": "Ba", "__version": str(version), **properties}


ONLINE = LocalEntity(BA, "Ba", 2, {"hamlet": "1"}, "ONLINE", 2, "b")
DIRTY = replace(ONLINE, version=3, properties={"hamlet": "mine"})
FRESH = LocalEntity(BA, "Ba", 1, {"hamlet": "mine"}, "OFFLINE", None, "b")


@pytest.mark.parametrize(
    ("mine", "served", "after"),
    [
        (None, 4, (4, "theirs", 4, NEW_BRANCH)),
        (ONLINE, 3, (3, "theirs", 3, NEW_BRANCH)),
        (ONLINE, 2, (2, "1", 2, "b")),
        (DIRTY, 3, (3, "theirs", 3, NEW_BRANCH)),
        (DIRTY, 2, (3, "mine", 2, "b")),
        (FRESH, 1, (1, "theirs", 1, NEW_BRANCH)),
        (replace(FRESH, version=2), 1, (2, "mine", None, "b")),
    ],
)
def test_the_servers_list_and_the_phones_own_become_one(
    mine: LocalEntity | None, served: int, after: tuple[int, str, int | None, str]
) -> None:
    local = {BA: mine} if mine else {}
    (one,) = imported(local, [row(served, hamlet="theirs")], branch).values()
    assert (one.version, one.properties["hamlet"], one.trunk_version, one.branch_id) == after
    assert one.state == "ONLINE"


def test_who_is_missing_from_the_servers_list_goes_unless_made_here() -> None:
    assert imported({BA: ONLINE}, [], branch) == {}
    assert imported({BA: FRESH}, [], branch) == {BA: FRESH}


def test_a_finalized_form_counts_the_phones_own_version_on() -> None:
    update = LocalChange("members", BA, False, True, "", {"hamlet": "2"})
    create = LocalChange("members", BA, True, False, "Ba", {"hamlet": "2"})
    (after,) = finalized({BA: ONLINE}, update, branch).values()
    assert (after.version, after.trunk_version, after.branch_id) == (3, 2, "b")
    assert after.row()["__version"] == "3"
    (made,) = finalized({}, create, branch).values()
    assert (made.version, made.state, made.row()["__trunkVersion"]) == (1, "OFFLINE", "")
    assert finalized({}, update, branch) == {}
    assert finalized({}, replace(create, id="not a uuid"), branch) == {}
    assert finalized({}, replace(create, label=""), branch) == {}


def test_changes_are_read_from_the_form_and_its_answers_repeats_too() -> None:
    from tests.forms.made import TREES, xform

    assert saves_of(xform(TREES)) == {
        (): {("house",): "code"},
        ("tree",): {("tree", "kind"): "species", ("tree", "size", "height"): "height"},
    }
    entity = '<meta><entity dataset="trees" create="1" id="{}"><label>x</label></entity></meta>'
    trees = "".join(
        f"<tree><kind>{kind}</kind>{entity.format(n)}</tree>"
        for n, kind in zip(itertools.count(1), ("sồi", ""), strict=False)
    )
    found = list(changes_of(xform(TREES), f"<data>{trees}</data>".encode()))
    assert [(one.id, one.creates, one.properties) for one in found] == [
        ("1", True, {"species": "sồi"}),
        ("2", True, {"species": ""}),
    ]


def test_the_weather_brings_each_fault_once() -> None:
    class Line(Script):
        hears = None

        def hangs_up(self) -> None:
            pass

    weather = Weather(Line(OK, OK))  # type: ignore[arg-type]
    weather.brings("portal", "", "error_500", "cut_before", "cut_behind")
    statuses: list[object] = []
    for _ in range(5):
        try:
            statuses.append(weather("GET", "https://s/x", {}, b"")[0])
        except Died:
            statuses.append("died")
    assert statuses == [200, 200, 500, "died", "died"]
    assert len(weather.line.asked) == 2  # type: ignore[union-attr]
