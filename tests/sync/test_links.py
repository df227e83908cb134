"""Two entries that are one person: linked, undone, and nothing lost on the way."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from forms.library import Library
from forms.problems import Refused
from sync import catalogue, decisions, links, process, slices
from sync.access import Caller
from sync.database import Database
from sync.entities import Applied, Kept, Key, keep
from sync.tables import audit_events, entities, entity_links, records, spells
from sync.verify import derived, verify
from tests.sync.sending import NOW, World, a_library, an_id
from tests.sync.test_figures_follow import CLUBS, Story, figures_of, kept
from tests.sync.test_verify import differences


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return replace(a_library(), figures=figures_of(tmp_path_factory.mktemp("figures")))


@pytest.fixture
def world(database: Database) -> World:
    """`ba` and `ba2` are one woman, in one club; both are visited."""
    world = World(database)
    world.join("ba", on="2025-03-01", klass="poor")
    world.join("ba2", on="2025-04-01", klass="average")
    world.visit("ba", on="2025-05-01")
    world.visit("ba2", on="2025-06-01")
    world.work()
    return world


def link(world: World, *who: str, **more: Any) -> str:
    with world.database.write() as db:
        names = [an_id(one) for one in who]
        return links.link(db, world.library, "people", names, actor="operator", now=NOW, **more)


def unlink(world: World, who: str) -> None:
    with world.database.write() as db:
        links.unlink(db, world.library, "people", an_id(who), actor="operator", now=NOW)


def told(world: World, who: str, name: str) -> list[tuple[str, str, str | None]]:
    rows = world.rows(spells, spells.c.uuid == an_id(who), spells.c.name == name)
    return sorted(
        ((r.value, str(r.valid_from), str(r.valid_to) if r.valid_to else None) for r in rows),
        key=lambda one: one[1],
    )


def subjects(world: World, form: str = "visit") -> set[str]:
    return {row.subject_id for row in world.rows(records, records.c.form == form)}


def test_visits_and_facts_of_a_linked_entry_are_those_of_the_one_registered_first(
    world: World, tmp_path: Path
) -> None:
    assert link(world, "ba2", "ba") == an_id("ba")
    assert subjects(world) == {an_id("ba")}
    assert told(world, "ba2", "status") == []
    assert told(world, "ba", "status") == [("active", "2025-03-01", None)]
    assert told(world, "ba", "klass") == [("poor", "2025-03-01", None)]
    assert world.person("ba2").linked_to == an_id("ba")
    assert not differences(world, tmp_path)


def test_a_visit_that_comes_later_under_the_old_id_is_hers(world: World, tmp_path: Path) -> None:
    link(world, "ba", "ba2")
    world.visit("ba2", on="2025-07-01")
    world.work()
    assert subjects(world) == {an_id("ba")}
    unlink(world, "ba2")
    assert sorted(row.subject_id for row in world.records("visit")) == sorted(
        map(an_id, ["ba", "ba2", "ba2"])
    )
    assert not differences(world, tmp_path)


def test_a_fact_that_they_tell_differently_is_as_somebody_chose(world: World) -> None:
    with world.database.read() as db:
        names = list(map(an_id, ["ba", "ba2"]))
        found = links.conflicts(db, world.library, "people", names)
    assert [one.fact for one in found] == ["label", "klass"]
    assert {value for value, _ in found[1].told.values()} == {"poor", "average"}

    link(world, "ba", "ba2", take={"klass": an_id("ba2"), "label": an_id("ba2")})
    assert told(world, "ba", "klass") == [("average", "2025-03-01", None)]
    assert world.person("ba").label == "ba2"
    unlink(world, "ba2")
    link(world, "ba", "ba2", take={"klass": "as_told"})
    assert told(world, "ba", "klass") == [
        ("poor", "2025-03-01", "2025-04-01"),
        ("average", "2025-04-01", None),
    ]
    assert world.person("ba").label == "ba"


def test_who_was_registered_in_two_clubs_is_in_one_or_moved_as_somebody_says(
    world: World, tmp_path: Path
) -> None:
    world.join("tu", club="sen", on="2025-05-01")
    world.visit("tu", on="2025-06-15")
    world.work()
    link(world, "ba", "tu")
    assert told(world, "ba", "club") == [(an_id("hoa"), "2025-03-01", None)]
    assert {row.club_id for row in world.records("visit")} == {an_id("hoa")}
    unlink(world, "tu")
    link(world, "ba", "tu", take={"club": "as_told"})
    assert told(world, "ba", "club")[1:] == [(an_id("sen"), "2025-05-01", None)]
    assert world.person("ba").club_id == an_id("sen")
    assert world.records("visit")[2].club_id == an_id("sen")
    assert not differences(world, tmp_path)


def test_a_chain_of_three_has_one_for_all_and_gives_one_of_them_back(
    world: World, tmp_path: Path
) -> None:
    world.join("ba0", on="2025-02-01")
    world.visit("ba0", on="2025-06-20")
    world.work()
    link(world, "ba", "ba2")
    link(world, "ba", "ba0")
    assert subjects(world) == {an_id("ba0")}
    assert world.person("ba2").linked_to == an_id("ba0")
    unlink(world, "ba")
    assert subjects(world) == {an_id("ba"), an_id("ba0")}
    assert world.person("ba2").linked_to == an_id("ba0")
    assert told(world, "ba", "status") == [("active", "2025-03-01", None)]
    assert not differences(world, tmp_path)


def test_what_a_phone_still_changes_of_the_old_entry_is_carried_over_once(
    world: World, tmp_path: Path
) -> None:
    before = world.person("ba").data
    link(world, "ba", "ba2")
    world.weigh("ba2", "61", note="thin")
    world.work()
    assert world.person("ba").data["kg"] == "61"
    assert told(world, "ba", "kg") == [("61", "2025-05-01", None)]
    world.weigh("ba", "62", on="2025-05-02", base=world.person("ba").version)
    world.work()
    version = world.person("ba").version
    world.work_again()
    assert (world.person("ba").data["kg"], world.person("ba").version) == ("62", version)
    assert not differences(world, tmp_path)

    unlink(world, "ba2")
    assert world.person("ba").data == {**before, "kg": "62"}
    assert world.person("ba2").data == {**before, "kg": "61", "note": "thin"}
    assert world.person("ba").version > version
    assert not differences(world, tmp_path)


def test_whoever_names_the_linked_one_names_the_one_that_stands_for_both(
    world: World, tmp_path: Path
) -> None:
    names = {"treasurer": an_id("ba2"), "board": f"{an_id('ba')} {an_id('ba2')}"}
    with world.database.write() as db:
        entities_of(db, world, "hoa", names)
    link(world, "ba", "ba2")
    assert world.person("hoa").data == {"treasurer": an_id("ba"), "board": an_id("ba")}
    with world.database.write() as db:
        entities_of(db, world, "sen", {"treasurer": an_id("ba2")})
        process.follow_entities(
            db, world.library, Applied({Key("clubs", an_id("sen"))}, set()), NOW
        )
    assert world.person("sen").data == {"treasurer": an_id("ba")}
    version = world.person("hoa").version
    unlink(world, "ba2")
    assert world.person("hoa").data == names
    assert world.person("hoa").version > version
    assert world.person("sen").data == {"treasurer": an_id("ba2")}
    assert not differences(world, tmp_path)


def entities_of(db: Any, world: World, club: str, data: dict[str, str]) -> None:
    keep(db, world.library, "clubs", [Kept(an_id(club), club, data)], NOW)


def test_no_phone_has_the_one_linked_away_and_all_have_what_both_said(world: World) -> None:
    world.weigh("ba2", "51")
    world.work()
    link(world, "ba", "ba2")
    caller = Caller("app_user", 1, "phone", "volunteer", club_id=an_id("hoa"))
    with world.database.read() as db:
        rows = b"".join(catalogue.entity_csv(db, world.library, caller, "people", NOW)).decode()
        found = catalogue.slice_of(db, world.library, caller, "people", NOW)
        mark = slices.total(db, found.list_id, found.download, found.clubs, None)
        again = slices.add_up(found.download, slices.rows_of(db, found.list_id))
    assert rows.splitlines()[1:] == [f"{an_id('ba')},ba,2,51"]
    assert mark == again[an_id("hoa")]


def test_content_sent_again_as_another_entry_can_be_linked_too(
    world: World, tmp_path: Path
) -> None:
    world.join("ba3", label="ba", on="2025-03-01", klass="poor", key="again")
    world.visit("ba3", on="2025-06-30")
    world.work()
    link(world, "ba3", "ba", canonical_id=an_id("ba"))
    assert told(world, "ba", "klass") == [("poor", "2025-03-01", None)]
    assert world.records("visit")[2].subject_id == an_id("ba")
    assert not differences(world, tmp_path)


def test_two_names_of_one_helper_are_one_helper(database: Database, library: Library) -> None:
    story = Linking(database, library, random.Random(1))
    both = f"{an_id('tu')} {an_id('nam')}"
    story.world.visit("ba", on="2025-06-01", helpers=both, minutes="30")
    club = next(club for club in CLUBS if told(story.world, "ba", "club")[0][0] == an_id(club))
    assert kept(story, club, "helpers", "2025H1") == 2
    assert kept(story, club, "hours", "2025H1") == 60
    link(story.world, "tu", "nam")
    assert kept(story, club, "helpers", "2025H1") == 1
    assert kept(story, club, "hours", "2025H1") == 30


@pytest.mark.parametrize(
    ("list_name", "who", "more", "code"),
    [
        ("nothing", ["ba", "ba2"], {}, "link_list"),
        ("clubs", ["hoa", "sen"], {}, "link_list"),
        ("people", ["ba", "nobody"], {}, "link_unknown"),
        ("people", ["ba", "ba"], {}, "link_two"),
        ("people", ["ba", "gone"], {}, "link_unknown"),
        ("people", ["ba", "old"], {}, "link_already"),
        ("people", ["ba", "ba2"], {"take": {"colour": an_id("ba")}}, "link_take"),
        ("people", ["ba", "ba2"], {"take": {"klass": an_id("tu")}}, "link_take"),
        ("people", ["ba", "ba2"], {"take": {"label": "as_told"}}, "link_take"),
    ],
)
def test_what_cannot_be_linked_is_refused(
    world: World, list_name: str, who: list[str], more: Any, code: str
) -> None:
    for name in ("gone", "old", "new"):
        world.join(name)
    world.work()
    with world.database.write() as db:
        decisions.delete(db, world.library, "people", an_id("gone"), actor="operator", now=NOW)
    link(world, "new", "old", canonical_id=an_id("new"))
    names = [an_id(one) for one in who]
    with world.database.write() as db, pytest.raises(Refused) as refused:
        links.link(db, world.library, list_name, names, actor="operator", now=NOW, **more)
    assert refused.value.problem.code == code
    assert refused.value.problem.vi
    assert refused.value.problem.en
    with world.database.write() as db, pytest.raises(Refused, match="link_none"):
        links.unlink(db, world.library, "people", an_id("new"), actor="operator", now=NOW)


def test_a_link_is_written_down_without_names(world: World) -> None:
    link(world, "ba", "ba2")
    unlink(world, "ba2")
    done = [(row.action, row.subject) for row in world.rows(audit_events)]
    subject = f"entity:people/{an_id('ba')}"
    assert done == [("entity.link", subject), ("entity.unlink", subject)]
    (row,) = world.rows(entity_links)
    assert (row.uuid, row.canonical, row.undone_by) == (an_id("ba2"), an_id("ba"), "operator")


# ------------------------------------------------------------------ whatever comes in between
class Linking(Story):
    """A story in which people are linked and unlinked too."""

    people = ("ba", "tu", "nam")
    linking: random.Random | None = None

    def works(self) -> None:
        super().works()
        if self.linking is not None:
            self.links(self.linking)

    def links(self, dice: random.Random) -> None:
        away = {row.uuid for row in self.world.rows(entities, entities.c.linked_to.is_not(None))}
        there = [who for who in self.people if self.world.person(who)]
        free = [who for who in there if an_id(who) not in away]
        if away and dice.random() < 0.4:
            unlink(self.world, next(who for who in self.people if an_id(who) in away))
        elif len(free) > 1:
            some = dice.sample(free, 2)
            take = {dice.choice(["klass", "club"]): dice.choice([an_id(some[0]), "as_told"])}
            link(self.world, *some, canonical_id=an_id(some[1]), take=take)

    def unlinks(self) -> None:
        for who in self.people:
            if (row := self.world.person(who)) and row.linked_to:
                unlink(self.world, who)

    def all(self) -> dict[str, Any]:
        """What is derived, without the numbers of versions."""
        with self.world.database.read() as db:
            found: dict[str, Any] = derived(db)
            for name, role in (("volunteer", "volunteer"), ("chair", "chair")):
                for club in CLUBS:
                    caller = Caller("app_user", 1, name, role, club_id=an_id(club))
                    pieces = catalogue.entity_csv(db, self.world.library, caller, "people", NOW)
                    rows = csv.reader(io.StringIO(b"".join(pieces).decode()))
                    found[f"{role} {club}"] = [[*row[:2], *row[3:]] for row in rows]
        for name in ("entity_versions", "slice_marks"):
            del found[name]
        for table, names in (("entities", NUMBERED), ("entity_changes", {"version"})):
            for row in found[table].values():
                for column in names:
                    row.pop(column, None)
        return found


NUMBERED = {"version", "updated_at", "imported"}


@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking one takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 10**9), steps=st.integers(3, 5))
def test_linked_and_unlinked_in_any_order_is_as_never_linked(
    database: Database, library: Library, tmp_path_factory: Any, seed: int, steps: int
) -> None:
    found = []
    for linking in (random.Random(seed), None):
        story = Linking(database, library, random.Random(seed))
        story.linking = linking
        for _ in range(steps):
            story.happens()
            story.works()
        story.ends()
        assert story.differences() == {}
        if linking is not None:
            with database.read() as db:
                scratch = tmp_path_factory.mktemp("verify")
                assert verify(db, library, scratch, NOW) == []
        story.unlinks()
        story.ends()
        assert story.differences() == {}
        found.append(story.all())
    # Either may have measured cells that the other leaves until somebody reads them.
    for name in ("figures", "counted_once"):
        both = found[0][name].keys() & found[1][name].keys()
        for one in found:
            one[name] = {key: one[name][key] for key in both}
    assert found[0] == found[1]
