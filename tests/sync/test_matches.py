"""Who may be one person: found when somebody is registered, and told until a person decides."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from forms.library import Library, load_library
from forms.matching.rule import MatchRule
from forms.matching.search import find_pairs
from forms.problems import Refused
from sync import canonical, counters, decisions, links, places, queue
from sync.access import Caller
from sync.database import Database
from sync.matching import listing, pairs, review, waiting, whole, work
from sync.tables import duplicate_pairs, entity_links, match_keys, match_profiles, spells
from tests.sync.library_world import LibraryWorld
from tests.sync.rows import NOW, Rows
from tests.sync.sending import an_id

LIST = "members"
CLUB, FAR = an_id("club"), an_id("far club")
HOA = {
    "club": CLUB, "c_member": "yes", "join_date": "2019-05-01", "full_name": "Nguyễn Thị Hòa",
    "sex": "female", "birth_precision": "day", "birth_date": "1948-05-17", "hamlet": "Đông Hòa",
    "phone": "0905123456", "id_kind": "cccd", "id_number": "048148001234",
    "member_club": CLUB, "member_status": "active",
}  # fmt: skip
AGAIN = HOA | {"full_name": "NGUYEN THI HOA", "id_kind": "none_yet", "id_number": ""}


class Matches(LibraryWorld):
    """People join and change; who may be one is asked by their names here."""

    def join(self, who: str, said: dict[str, str], **more: str) -> None:
        sent = {name: text for name, text in (said | more).items() if text}
        self.send("membership", sent, f"join {who}", create=an_id(who), label=f"{who} · 1948 · x")
        self.work()

    def change(self, who: str, what: str, on: str = "2020-01-01", **said: str) -> None:
        answers = {"club": CLUB, "member": an_id(who), "effective_date": on, "what": what}
        key = f"{who} {what} {on} {said}"
        self.send("member_update", answers | said, key, update=an_id(who))
        self.work()

    def pairs(self) -> set[str]:
        """What waits for a person: "ab" for a and b."""
        with self.database.read() as db:
            found = review.open_pairs(db, LIST)
        names = {an_id(name): name for name in "abcd"}
        return {"".join(sorted((names[one.one], names[one.other]))) for one in found}

    def dismiss(self, one: str, other: str) -> None:
        with self.database.write() as db:
            review.dismiss(db, LIST, an_id(one), an_id(other), actor="user:1", now=self.now)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Matches:
    return Matches(database, tmp_path)


def test_a_second_registration_is_found_as_long_as_both_are_there(world: Matches) -> None:
    world.join("a", HOA)
    world.join("b", AGAIN)
    assert world.pairs() == {"ab"}
    world.change("b", "identity", full_name="Trần Văn Bình", sex="male")
    assert world.pairs() == set()
    world.change("b", "identity", on="2020-02-01", full_name="Nguyễn Thị Hoà", sex="female")
    exit_ = {"club": CLUB, "member": an_id("a"), "exit_kind": "died", "exit_precision": "day"}
    world.send("member_exit", exit_ | {"exit_date": "2021-01-01"}, "died", update=an_id("a"))
    world.work()
    assert world.pairs() == {"ab"}  # who has died is still the same person
    assert world.differences() == []
    world.change("a", "consent", c_member="no")
    assert world.pairs() == set()  # who took back the consent is compared with nobody
    world.join("c", AGAIN, phone="")
    assert world.pairs() == {"bc"}
    with world.database.write() as db:
        decisions.delete(db, world.library, LIST, an_id("b"), actor="user:1", now=NOW)
    world.work()
    assert world.pairs() == set()
    assert world.differences() == []


def test_two_who_were_told_apart_come_back_only_with_other_facts(world: Matches) -> None:
    world.join("a", HOA)
    world.join("b", AGAIN, club=FAR, member_club=FAR)
    world.dismiss("b", "a")
    assert world.pairs() == set()
    world.change("a", "household", hh_class="poor")
    with world.database.write() as db:
        unit = places.find_unit(db, "20242", date(2018, 1, 1))
        assert unit is not None
        Rows(db).place_club(CLUB, unit.id, date(2018, 1, 1))  # nobody has said anything else
        counters.bump(db, counters.PLACES)
    world.work()
    assert world.pairs() == set()
    world.change("a", "phone", phone="0905999888")
    assert world.pairs() == {"ab"}
    with pytest.raises(Refused):
        world.dismiss("a", "c")
    with world.database.read() as db:
        chair = Caller("user", 1, "x", "chair", club_id=CLUB)
        (shown,) = listing.read(db, world.library, chair, LIST, NOW.date())
        volunteer = replace(chair, role="volunteer")
        with pytest.raises(Refused, match="not_allowed"):
            listing.read(db, world.library, volunteer, LIST, NOW.date())
        with pytest.raises(Refused, match="not_allowed"):
            listing.lists_for(world.library, volunteer)
    labels = {one.uuid: one.label for one in (shown.one, shown.other)}
    assert labels == {an_id("a"): "a · 1948 · x", an_id("b"): None}  # of another club: not by name
    assert world.differences() == []


def test_the_same_number_is_linked_until_a_person_parts_them_and_stands_nowhere(
    world: Matches,
) -> None:
    world.join("a", HOA)
    world.join("b", AGAIN, id_kind="cccd", id_number="48148001234", phone="", hamlet="Tây An")
    assert world.pairs() == set()
    with world.database.write() as db:
        (link,) = db.execute(sa.select(entity_links))
        assert link.actor == "system"
        assert "048148001234" not in str(db.execute(sa.select(match_profiles.c.profile)).all())
        links.unlink(db, world.library, LIST, link.uuid, actor="user:1", now=NOW)
    world.work()
    assert world.pairs() == set()  # that was a person's word
    world.change("b", "phone", phone="0905999888")
    assert world.pairs() == {"ab"}  # who is told again, and decides again
    with world.database.read() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(entity_links)) == 1
    assert world.differences() == []


def test_the_server_moves_nobody_to_another_club_by_a_link(world: Matches) -> None:
    world.join("a", HOA)
    world.join("b", HOA, club=FAR, member_club=FAR, join_date="2015-05-01")
    assert world.pairs() == {"ab"}
    assert [row[0] for row in world.told(an_id("a"), "club")] == [CLUB]
    assert world.differences() == []


def test_who_only_came_along_when_another_was_linked_has_not_been_parted(world: Matches) -> None:
    world.join("a", HOA)
    world.join("b", AGAIN, id_kind="cccd", id_number="048148001234", join_date="2020-05-01")
    world.join("c", HOA, join_date="2018-05-01")
    for who in ("a", "b"):
        with world.database.write() as db:
            was = links.unlink(db, world.library, LIST, an_id(who), actor="user:1", now=NOW)
        assert was == an_id("c")
        world.work()
    with world.database.read() as db:
        assert {(an_id("b"), an_id("a"))} == {one[1:] for one in canonical.in_force(db)}


# ------------------------------------------------------------------ in any order the same
NAMES = ("Lê Thị Hoa", "Le Thi Hoa", "Lê Văn Nam", "Trần Thị Hoa", "Hoa", "")
YEARS = ("1950-01-01", "1951-01-01", "1950-03-04", "0000-01-01")
PHONES = ("0905000123", "0905000124", "0900000000", "")


def narrow(library: Library) -> Library:
    """Blocks and crowds are full so soon that people move in and out of them."""
    rule = library.matches[LIST]
    fields = tuple(replace(one, most=one.most and 2) for one in rule.fields)
    blocks = tuple(replace(one, most=3) for one in rule.blocks)
    return replace(library, matches={LIST: replace(rule, fields=fields, blocks=blocks, review=5.0)})


def say(rows: Rows, random: Random, uuid: str) -> None:
    """Anything of somebody, or that there is nobody."""
    rows.db.execute(spells.delete().where(spells.c.uuid == uuid))
    if random.random() < 0.85:
        said = {"full_name": random.choice(NAMES), "born_on": random.choice(YEARS), "club": CLUB}
        said |= {"phone": random.choice(PHONES), "sex": random.choice(("female", "male"))}
        for name, value in said.items():
            if value:
                rows.a_spell(LIST, uuid, name, value, date(2018, 1, 1))


def kept_pairs(db: sa.Connection) -> dict[review.Ids, tuple[str, float]]:
    c = duplicate_pairs.c
    query = sa.select(c.one, c.other, c.band, c.bits)
    return {(row.one, row.other): (row.band, row.bits) for row in db.execute(query)}


def pairs_from_nothing(db: sa.Connection, rule: MatchRule) -> dict[review.Ids, tuple[str, float]]:
    read = whole.read_everybody(db, rule, LIST, NOW)
    found = find_pairs(rule, rule.weights, {uuid: one.profile for uuid, one in read.items()})
    made = {(one.one, one.other): pairs.as_pair(rule, one.score) for one in found}
    return {ids: (one.band.value, one.bits) for ids, one in made.items()}


def test_however_people_come_change_and_go_the_pairs_are_those_of_a_full_pass(
    database: Database,
) -> None:
    library, random = narrow(load_library()), Random(5)
    uuids = [an_id(f"somebody {n}") for n in range(14)]
    seen = 0
    with database.write() as db:
        rows = Rows(db)
        for uuid in uuids:
            rows.an_entity(LIST, uuid, "x", CLUB, {})
        for _ in range(40):
            changed = random.sample(uuids, random.randint(1, 4))
            for uuid in changed:
                say(rows, random, uuid)
            work.match(db, library, LIST, changed, NOW)
            kept = kept_pairs(db)
            assert kept == pairs_from_nothing(db, library.matches[LIST])
            seen += len(kept)
    assert seen > 50


def test_a_crowd_of_one_phone_one_name_and_one_day_is_told_once_and_makes_no_pair(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    library = narrow(load_library())
    with database.write() as db:
        uuids = [an_id(f"crowd {n}") for n in range(60)]
        for uuid in uuids:
            said = {"full_name": "Lê Thị Hoa", "phone": "0905000123", "sex": "female"}
            for name, value in (said | {"born_on": "1950-05-17"}).items():
                Rows(db).a_spell(LIST, uuid, name, value, date(2018, 1, 1))
        with caplog.at_level(logging.WARNING, logger="sync.matching"):
            for start in range(0, 60, 20):
                work.match(db, library, LIST, uuids[start : start + 20], NOW)
        assert kept_pairs(db) == {}
        assert db.scalar(sa.select(sa.func.count()).select_from(match_keys)) > 0
    assert [one.getMessage() for one in caplog.records] == [
        "members: too many have one key to be compared: ['crowd.phone', 'ends_date']"
    ]


def test_another_rule_has_everybody_compared_again_once(database: Database) -> None:
    library = load_library()
    other = replace(library, matches={LIST: replace(library.matches[LIST], mark="another")})
    with database.write() as db:
        Rows(db).an_entity(LIST, an_id("a"), "x", CLUB, {})
        for known in (library, library, other, other):
            waiting.notice(db, known, NOW)
        works = queue.claim(db, waiting.MATCH_AGAIN, 100, NOW)
        assert [one.payload for one in works] == [{"list": LIST, "uuids": [an_id("a")]}] * 2
