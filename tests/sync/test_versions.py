"""Submissions with all their versions: found, read back, compared, judged, deleted, restored."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forms.difference import difference
from forms.instance import read_instance
from forms.library import load_library
from forms.problems import Refused
from sync import accounts, comments, verify, versions
from sync.access import Caller, Reading
from sync.chain import Link, lineage
from sync.database import Database
from sync.tables import audit_events, queue, submission_versions, submissions, users
from sync.versions import Submission, Version
from tests.conftest import NOW
from tests.sync.sending import World, an_id, join, visit


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def find(world: World, form: str, instance_id: str) -> tuple[Submission, list[Version]]:
    with world.database.read() as db:
        one = versions.find(db, form, instance_id)
        return one, versions.history(db, one)


def deliver(world: World, xml: bytes) -> int:
    """Receive and process one POST; its version's id."""
    version = world.send(xml)
    world.work(version)
    return version


def a_visit(key: str, replaces: str = "", minutes: str = "30") -> bytes:
    return visit("hoa", key=key, replaces=replaces, minutes=minutes)[0]


# ------------------------------------------------------------------ finding and reading
def test_a_submission_is_found_by_the_id_of_any_version_in_any_spelling(world: World) -> None:
    deliver(world, a_visit("one"))
    deliver(world, a_visit("two", replaces="one"))
    for key in ("one", "two"):
        for spelt in (f"uuid:{an_id(key)}", an_id(key), an_id(key).upper()):
            found, history = find(world, "visit", spelt)
            assert found.instance_id == f"uuid:{an_id('one')}"
            assert [version.is_current for version in history] == [False, True]
    for form, key in (("visit", "three"), ("join", "one")):
        with pytest.raises(Refused):
            find(world, form, an_id(key))


def test_a76_every_version_is_read_back_byte_for_byte(world: World) -> None:
    sent = [a_visit("one"), a_visit("two", "one", "45"), a_visit("one", minutes="60")]
    for xml in sent:
        deliver(world, xml)
    _, history = find(world, "visit", an_id("one"))
    assert [version.outcome for version in history] == ["new", "edited", "different"]
    assert [version.sender for version in history] == ["phone 1"] * 3
    with world.database.read() as db:
        assert [versions.get_xml(db, version.id) for version in history] == sent


def test_an_edit_is_told_by_field(world: World) -> None:
    deliver(world, a_visit("one"))
    deliver(world, a_visit("two", "one", "45"))
    _, history = find(world, "visit", an_id("one"))
    before = versions.before(history, history[1])
    assert before == history[0]
    assert versions.before(history, history[0]) is None
    with world.database.read() as db:
        old, new = (versions.get_filled(db, version.id) for version in history)
    (change,) = difference(old, new)
    assert (change.path, change.old, change.new) == ("minutes", "30", "45")


def test_a_list_shows_the_newest_first_and_can_be_cut_to_what_needs_a_person(world: World) -> None:
    deliver(world, join("hoa")[0])
    world.now += timedelta(hours=1)
    deliver(world, a_visit("one"))
    deliver(world, a_visit("one", minutes="31"))
    with world.database.read() as db:
        everything = versions.list_submissions(db)
        flagged = versions.list_submissions(db, flagged=True)
        missing = versions.list_submissions(db, missing_files=True)
        joins = versions.list_submissions(db, "join", limit=1)
    assert [(one.form, one.versions) for one in everything] == [("visit", 2), ("join", 1)]
    assert [one.instance_id for one in flagged] == [f"uuid:{an_id('one')}"]
    assert "different_content" in flagged[0].flags
    assert missing == []
    assert [one.form for one in joins] == ["join"]


# ------------------------------------------------------------------ decisions
def decide(world: World, name: str, key: str, *more: object) -> None:
    with world.database.write() as db:
        one = versions.find(db, "visit", an_id(key))
        getattr(versions, name)(db, one, *more, "operator", NOW)
    world.work(*[row.subject_id for row in world.rows(queue)])


def test_a_deleted_visit_counts_no_more_until_it_is_restored(world: World, tmp_path: Path) -> None:
    deliver(world, join("hoa")[0])
    deliver(world, a_visit("one"))
    assert len(world.counted("visit")) == 1
    for name, count in (("delete", 0), ("delete", 0), ("restore", 1)):
        decide(world, name, "one")
        assert len(world.counted("visit")) == count
    actions = [row.action for row in world.rows(audit_events)]
    assert actions == ["submission.delete", "submission.delete", "submission.restore"]
    with world.database.read() as db:
        assert verify.verify(db, world.library, tmp_path, NOW) == []


def test_a_rejected_visit_counts_no_more_until_it_is_approved(world: World) -> None:
    deliver(world, join("hoa")[0])
    deliver(world, a_visit("one"))
    for state, count in (("rejected", 0), ("approved", 1), ("hasIssues", 1), (None, 1)):
        decide(world, "review", "one", state)
        assert len(world.counted("visit")) == count
    with pytest.raises(ValueError, match="no such review"):
        decide(world, "review", "one", "perfect")


def test_c124_an_edit_takes_the_review_back(world: World) -> None:
    deliver(world, a_visit("one"))
    decide(world, "review", "one", "approved")
    deliver(world, a_visit("two", "one"))
    assert world.rows(submissions)[0].review_state == "edited"


def test_what_people_say_of_a_visit_and_why_they_judge_it_is_kept_in_order(world: World) -> None:
    deliver(world, a_visit("one"))
    with world.database.write() as db:
        one = versions.find(db, "visit", an_id("one"))
        comments.add(db, one.id, comments.COMMENT, " Hỏi\x00 lại\r\nbác Lan ", "user:3", NOW)
        versions.review(db, one, "hasIssues", "user:3", NOW, "Sai ngày")
        versions.delete(db, one, "user:3", NOW, "Gửi nhầm")
        versions.restore(db, one, "user:4", NOW)
        said = comments.read(db, one.id)
        with pytest.raises(Refused, match="text_too_long"):
            comments.add(db, one.id, comments.COMMENT, "a" * 2001, "user:3", NOW)
    assert [(one.act, one.state, one.text, one.actor) for one in said] == [
        ("comment", None, "Hỏi lại\nbác Lan", "user:3"),
        ("review", "hasIssues", "Sai ngày", "user:3"),
        ("delete", None, "Gửi nhầm", "user:3"),
        ("restore", None, "", "user:4"),
    ]


def test_words_are_heard_by_who_wrote_them_and_by_who_reads_all_that_their_writer_could(
    world: World,
) -> None:
    deliver(world, a_visit("one"))
    library = load_library()
    readers = library.rules["care_visit"].readers

    def hears(role: str, number: int) -> list[str]:
        reading, who = (
            Reading(None, frozenset(readers[role].without)),
            Caller("user", number, "", role),
        )
        said = comments.read_for(db, library, who, "care_visit", reading, 1)
        return [one.text for one in said]

    with world.database.write() as db:
        sealed = accounts.SealedPassword("-", b"")
        for role in ("chair", "commune", "health"):
            number = accounts.add_user(db, role, role, None, None, sealed, NOW)
            comments.add(db, 1, comments.COMMENT, role, f"user:{number}", NOW)
        comments.add(db, 1, comments.COMMENT, "operator", "operator", NOW)
        db.execute(users.update().values(role="chair"))  # whatever they read now
        assert hears("chair", 9) == ["chair"]
        assert hears("commune", 9) == ["chair", "commune"]
        assert hears("commune", 3) == ["chair", "commune", "health"]
        assert hears("health", 9) == ["chair", "commune", "health", "operator"]


def test_c29_c125_what_was_deleted_stays_deleted_when_it_or_its_edit_comes_again(
    world: World,
) -> None:
    deliver(world, join("hoa")[0])
    deliver(world, a_visit("one"))
    decide(world, "delete", "one")
    deliver(world, a_visit("one"))
    deliver(world, a_visit("one", minutes="31"))
    deliver(world, a_visit("two", "one"))
    one, history = find(world, "visit", an_id("one"))
    assert one.deleted_at == NOW
    assert [version.posts for version in history] == [2, 1, 1]
    assert world.counted("visit") == []
    decide(world, "restore", "one")
    assert len(world.counted("visit")) == 1


# ------------------------------------------------------------------ edits (protocol 4.8)
@pytest.mark.parametrize("order", ["original first", "edit first"])
@pytest.mark.parametrize(
    "spell",
    [
        lambda bare: bare,
        lambda bare: f"uuid:{bare}",
        lambda bare: bare.upper(),
        lambda bare: f"uuid:{bare.upper()}",
    ],
)
@pytest.mark.parametrize("own", [lambda bare: f"uuid:{bare}", lambda bare: bare, str.upper])
def test_a77_an_edit_finds_its_original_however_its_id_is_spelt(
    world: World, order: str, spell: object, own: object
) -> None:
    bare = an_id("one")
    original = a_visit("one").replace(f"uuid:{bare}".encode(), own(bare).encode())  # type: ignore[operator]
    edit = a_visit("two", "one").replace(f"uuid:{bare}".encode(), spell(bare).encode())  # type: ignore[operator]
    bodies = [original, edit] if order == "original first" else [edit, original]
    for xml in bodies:
        deliver(world, xml)
    assert len(world.rows(submissions)) == 1
    assert len(world.records("visit")) == 1
    one, history = find(world, "visit", bare)
    assert {version.id for version in history if version.is_current} == {one.current_version_id}
    assert [v.outcome for v in history if v.is_current] == ["edited"]


def test_a78_a_retry_of_an_applied_edit_adds_nothing_though_another_edit_followed(
    world: World,
) -> None:
    chain = [a_visit("one"), a_visit("two", "one"), a_visit("three", "two")]
    for xml in (*chain, chain[1], chain[0], chain[2]):
        deliver(world, xml)
    _, history = find(world, "visit", an_id("one"))
    assert [version.is_current for version in history] == [False, False, True]
    assert [version.posts for version in history] == [2, 2, 2]


def test_a79_of_two_edits_of_one_parent_the_first_counts_and_the_second_is_flagged(
    world: World,
) -> None:
    for xml in (a_visit("one"), a_visit("two", "one", "45"), a_visit("three", "one", "60")):
        deliver(world, xml)
    _, history = find(world, "visit", an_id("three"))
    assert [version.is_current for version in history] == [False, True, False]
    assert [one["code"] for one in history[2].problems] == ["edit_of_old"]
    assert world.records("visit")[0].answers["minutes"] == "45"


def test_a81_an_edit_made_with_another_form_version_is_read_with_its_own(world: World) -> None:
    deliver(world, a_visit("one"))
    later = a_visit("two", "one").replace(b'version="1"', b'version="2"')
    deliver(world, later)
    _, history = find(world, "visit", an_id("one"))
    assert [version.form_version for version in history] == ["1", "2"]
    assert [one["code"] for one in history[1].problems] == ["unknown_version"]
    assert len(world.records("visit")) == 1


def enketo(xml: bytes) -> bytes:
    """The same as Enketo writes it: indented, no declaration, words for booleans."""
    text = xml.decode().replace("><", ">\n  <").replace('create="1"', 'create="true"')
    return text.encode()


def test_a77_a_chain_that_changes_from_collect_to_enketo_and_back_is_one(world: World) -> None:
    chain = [
        join("hoa", key="one")[0],
        enketo(join("hoa", key="two", replaces="one", on="2025-03-02")[0]),
        join("hoa", key="three", replaces="two", on="2025-03-03")[0],
    ]
    for xml in chain:
        deliver(world, xml)
    _, history = find(world, "join", an_id("one"))
    assert [version.is_current for version in history] == [False, False, True]
    assert [row.answers["joined"] for row in world.records("join")] == ["2025-03-03"]
    assert world.person("hoa") is not None


CHAIN = [
    a_visit("one"),
    a_visit("two", "one", "31"),
    enketo(a_visit("three", "two", "32")),
    a_visit("four", "three", "33").replace(
        f"uuid:{an_id('three')}".encode(), an_id("three").upper().encode()
    ),
]


@given(st.data())
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a81_a_chain_in_any_order_with_repeats_ends_at_its_last(
    world: World, data: st.DataObject
) -> None:
    """Each example uses a chain of its own: the database is the test's."""
    number = next(world.serial)
    mine = [xml.replace(b"</data>", b"<!-- %d --></data>" % number) for xml in CHAIN]
    for key in ("one", "two", "three", "four"):
        old, new = an_id(key), an_id(f"{key} {number}")
        pairs = ((old, new), (old.upper(), new.upper()))
        for was, becomes in pairs:
            mine = [xml.replace(was.encode(), becomes.encode()) for xml in mine]
    order = data.draw(st.permutations([0, 1, 2, 3]))
    repeats = data.draw(st.lists(st.integers(0, 3), max_size=4))
    for step in [*order, *repeats]:
        deliver(world, mine[step])
    one, history = find(world, "visit", an_id(f"one {number}"))
    assert one.instance_id == f"uuid:{an_id(f'one {number}')}"
    with world.database.read() as db:
        assert {versions.get_xml(db, version.id) for version in history} == set(mine)
        assert versions.get_xml(db, one.current_version_id) == mine[3]
        query = submission_versions.select().where(
            submission_versions.c.id == one.current_version_id
        )
        assert read_instance(bytes(db.execute(query).one().xml)).deprecated_id is not None
    current = [r for r in world.records("visit") if r.submission_id == one.id]
    assert [row.answers["minutes"] for row in current] == ["33"]


def test_lineage_is_a_version_then_its_parents_then_the_newest() -> None:
    versions_of_one = [
        Link(1, "a", None),
        Link(2, "b", "a"),
        Link(3, "c", "b"),
        Link(4, "d", "a"),
        Link(5, "a", None),
    ]
    assert lineage(versions_of_one, 3) == [3, 2, 5, 1, 4]
    assert lineage(versions_of_one, 1) == [1, 5, 4, 3, 2]
