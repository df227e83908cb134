"""Submissions as people look through them: sifted, named, and in words; never beyond the reader."""

from __future__ import annotations

from forms.difference import answers, difference
from forms.periods import get_period
from sync import browsing, comments, reading, versions
from sync.access import Reading
from sync.browsing import Line, Sieve
from sync.database import Database
from tests.sync.sending import NOW, World, an_id

CLUB, OTHER = an_id("hoa"), an_id("lan")
MINE = Reading(frozenset({CLUB}))


def seen(world: World, reader: Reading, *sieve: Sieve, form: str = "visit") -> list[list[Line]]:
    with world.database.read() as db:
        view = reading.view_form(db, form, reader)
        return [browsing.page(db, view, one, None, 50) for one in sieve]


def names(lines: list[Line]) -> list[str | None]:
    return [one.subject and one.subject.label for one in lines]


def test_lines_are_sifted_and_name_nobody_beyond_the_reader(database: Database) -> None:
    world = World(database)
    world.join("Bác Ba")
    world.join("Bác Tư", club="lan")
    world.work()
    world.visit("Bác Ba")
    world.visit("Bác Ba", on="2025-12-01", phone=2, key="late")
    world.visit("Bác Ba", on="2031-01-01", key="impossible")
    world.visit("Bác Tư", club="lan")
    world.work()
    period = get_period("2025H2")
    everything, mine = Sieve(), Sieve(club=CLUB)
    (all_of_it, of_club) = seen(world, Reading(None), everything, mine)
    assert names(all_of_it) == ["Bác Tư", "Bác Ba", "Bác Ba", "Bác Ba"]
    assert names(of_club) == ["Bác Ba"] * 3
    cut = seen(
        *(world, MINE, everything, Sieve(club=OTHER), Sieve(period=period), Sieve(needs="held")),
        *(Sieve(sender=2), Sieve(state="approved"), Sieve(state="received"), Sieve(needs="files")),
    )
    assert [len(one) for one in cut] == [3, 0, 1, 1, 1, 0, 3, 0]
    (held,) = cut[3]
    assert (held.is_held, held.is_read, held.counted_with) == (True, True, None)
    assert [one.code for one in held.problems] == ["future_date"]
    assert cut[2][0].sender is not None
    assert cut[2][0].sender.name == "phone 2"
    with world.database.read() as db:
        view = reading.view_form(db, "visit", MINE)
        (second,) = browsing.page(db, view, everything, cut[0][0].number, 1)
    assert second == cut[0][1]


def test_flags_that_may_tell_of_withheld_answers_are_withheld(database: Database) -> None:
    world = World(database)
    world.join("Bác Ba")
    world.work()
    world.leave("Bác Ba", "twice")
    world.work()
    flagged = Sieve(needs="flagged")
    ((whole,), again) = seen(world, Reading(None), Sieve(), flagged, form="leave")
    assert (len(whole.problems), again) == (1, [whole])
    ((part,), not_asked) = seen(
        *(world, Reading(None, frozenset({"why"})), Sieve(), flagged), form="leave"
    )
    assert (part.problems, not_asked) == ((), [part])


def test_what_was_deleted_is_of_the_club_it_was_deleted_from(database: Database) -> None:
    world = World(database)
    world.join("Bác Ba")
    world.visit("Bác Ba", key="one")
    world.work()
    with world.database.write() as db:
        one = versions.find(db, "visit", an_id("one"))
        versions.delete(db, one, "user:1", NOW, "Gửi nhầm")
    world.work_again()
    theirs = Reading(frozenset({OTHER}))
    for reader, number in ((MINE, 1), (theirs, 0), (Reading(None), 1)):
        (there, gone) = seen(world, reader, Sieve(), Sieve(deleted=True))
        assert (len(there), len(gone)) == (0, number)
    with world.database.read() as db:
        assert [one.text for one in comments.read(db, one.id)] == ["Gửi nhầm"]


def test_answers_are_told_in_words_of_whom_the_reader_may_see(database: Database) -> None:
    world = World(database)
    world.join("Bác Ba")
    world.join("Bác Tư", club="lan")
    world.work()
    world.visit("Bác Ba", key="one", helpers=an_id("Bác Tư"))
    world.visit("Bác Ba", key="two", replaces="one", minutes="45")
    world.work()
    with world.database.read() as db:
        view = reading.view_form(db, "visit", MINE)
        history = versions.history(db, versions.find(db, "visit", an_id("two")))
        old, new = (versions.get_filled(db, one.id) for one in history)
        words = browsing.words_for(db, view, old, new)
        everybody = browsing.words_for(db, reading.view_form(db, "visit", Reading(None)), old, new)
    assert words.people == [("people", an_id("Bác Ba"))]
    assert sorted(everybody.people) == sorted(
        ("people", an_id(name)) for name in ("Bác Ba", "Bác Tư")
    )
    told = {one.path: one.text for one in answers(new, show=words.show)}
    assert (told["who"], told["day"], told["at"]) == ("Bác Ba", "01/06/2025", "08:00")
    changed = [(one.path, one.old, one.new) for one in difference(old, new, show=words.show)]
    assert ("minutes", "30", "45") in changed
