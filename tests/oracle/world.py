"""A server without sockets into which the papers of a truth are sent, in any order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from lxml import etree

from forms.instance import read_instance
from forms.library import load_library
from forms.periods import Period
from forms.xlsform import compile_form
from sync import aggregate, clubs, places, process, publish, receive, rollup, versions, waiting
from sync.blobs import Folder
from sync.database import Database
from sync.verify import Difference, verify
from tests.oracle.papers import NOW, Paper
from tests.oracle.truth import Truth
from tests.sync.comparing import compare
from tests.sync.sending import an_id

BATCH = 200
PATIENCE = timedelta(days=5)
library = cache(load_library)


# ------------------------------------------------------------------ filling in
@cache
def _blank(form: str) -> Any:
    """The form's empty instance, without namespaces."""
    xform = compile_form(library().forms[form].source, "md", form).xform
    model = etree.fromstring(xform).find(".//{*}model/{*}instance")
    assert model is not None
    root = deepcopy(model[0])
    for node in root.iter():
        node.tag = etree.QName(node).localname
    for template in root.xpath("//*[@*[local-name() = 'template']]"):
        template.getparent().remove(template)
    return root


def filled(paper: Paper) -> bytes:
    """The instance as a phone sends it; what was not asked is not there."""
    root = deepcopy(_blank(paper.form))
    repeats = {name: root.find(f".//{name}") for name in paper.rows}
    for name, rows in paper.rows.items():
        template = repeats[name]
        for row in rows:
            one = deepcopy(template)
            _fill(one, row)
            template.addprevious(one)
        template.getparent().remove(template)
    for name in ("catchment", "supplies", "rights_help", "batch"):
        for node in [] if name in paper.rows else root.findall(f".//{name}"):
            node.getparent().remove(node)
    _fill(root, paper.answers, skip=set(paper.rows))
    _fill_meta(root, paper)
    return etree.tostring(root)


def _fill(root: Any, answers: Mapping[str, object], skip: Iterable[str] = ()) -> None:
    left = set(answers)
    for leaf in [node for node in root.iter() if not len(node)]:
        above = {one.tag for one in leaf.iterancestors()}
        if above & {"meta", *skip} or leaf is root:
            continue
        if leaf.tag in answers:
            leaf.text = str(answers[leaf.tag])
            left.discard(leaf.tag)
        else:
            leaf.getparent().remove(leaf)
    assert not left, f"{root.get('id')} asks nothing called {sorted(left)}"


def _fill_meta(root: Any, paper: Paper) -> None:
    meta = root.find("meta")
    meta.find("instanceID").text = f"uuid:{an_id(paper.key)}"
    if paper.replaces:
        etree.SubElement(meta, "deprecatedID").text = f"uuid:{an_id(paper.replaces)}"
    node = meta.find("entity")
    if node is None:
        return
    creates = paper.form in ("membership", "loan") or paper.answers.get("action") == "new"
    for verb in ("create", "update"):
        if verb in node.attrib:
            node.set(verb, str(int(bool(paper.entity) and creates == (verb == "create"))))
    node.set("id", an_id(paper.entity) if paper.entity.endswith(" again") else paper.entity)
    if node.get("update") == "1":
        node.set("baseVersion", "1")
    if node.find("label") is not None:
        node.find("label").text = paper.label


# ------------------------------------------------------------------ the server
def club_ids(truth: Truth) -> dict[str, str]:
    """key -> uuid: of a file's club from its code, of another the one its first phone made."""
    return {
        club.key: places.club_uuid(club.key.upper())
        if club.from_file
        else an_id(f"club {club.key}")
        for club in truth.clubs.values()
    }


@dataclass
class World:
    """A database with units, forms and the clubs that an operator knows."""

    database: Database
    folder: Path
    truth: Truth
    versions: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self.database.write() as db:
            places.load_units(db, library().units, library().successions)
            publish.publish_library(db, Folder(self.folder / "blobs"), library(), NOW)
            clubs.import_clubs(db, library(), self._rows(), NOW, "operator")

    def _rows(self) -> list[dict[str, str]]:
        return [
            {
                "club_code": club.key.upper(), "name": f"CLB {club.name}",
                "unit_code": str(club.site.on(club.founded).commune),
                "founded_on": club.founded.isoformat(),
                **({"decision_no": "1/QĐ"} if club.decision else {}),
            }
            for club in self.truth.clubs.values()
            if club.from_file
        ]  # fmt: skip

    # -------------------------------------------------------------- the post
    def receives(self, papers: Sequence[Paper]) -> list[int]:
        """Keep these papers in this order; their versions' ids."""
        found = []
        with self.database.write() as db:
            for paper in papers:
                xml = filled(paper)
                arrival = receive.Arrival(1, read_instance(xml), xml)
                found.append(receive.receive(db, arrival, paper.received).submission_version_id)
        self.versions += found
        return found

    def works(self, version_ids: Sequence[int]) -> None:
        for start in range(0, len(version_ids), BATCH):
            ids = version_ids[start : start + BATCH]
            with self.database.read() as db:
                prepared = process.prepare(db, library(), ids, NOW)
            with self.database.write() as db:
                process.store(db, library(), prepared, NOW)

    def decides(self, papers: Iterable[Paper]) -> None:
        """What people at a desk decide: what is deleted, what is rejected, where a club is now."""
        touched = []
        with self.database.write() as db:
            for paper in papers:
                if paper.decided:
                    one = versions.find(db, paper.form, f"uuid:{an_id(paper.key)}")
                    if paper.decided == "deleted":
                        versions.delete(db, one, "operator", NOW)
                    else:
                        versions.review(db, one, "rejected", "operator", NOW)
                    touched.append(one.current_version_id)
        self.works(touched)

    def places_clubs(self) -> None:
        """A person at the console says to which part a club of a split commune belongs."""
        with self.database.write() as db:
            for club in self.truth.clubs.values():
                if club.placed_on and club.key == "hl1":
                    code = club.site.on(club.placed_on).commune or ""
                    unit = places.find_unit(db, code, club.placed_on)
                    assert unit is not None
                    uuid = club_ids(self.truth)[club.key]
                    clubs.place_club(db, library(), uuid, unit, club.placed_on, NOW, "operator")

    def an_hour_passes(self) -> None:
        with self.database.write() as db:
            waiting.sweep(db, library(), NOW, PATIENCE)

    def compares(self) -> None:
        """Find who may be one person."""
        compare(self.database, library(), NOW)

    def measures(self) -> None:
        """Count and keep all that is stale."""
        while True:
            with self.database.read() as db:
                found = aggregate.count_stale(db, library(), 200, NOW)
            if not found.cells:
                return
            with self.database.write() as db:
                aggregate.keep(db, found)

    def lives(self, papers: Sequence[Paper], chance: Random, steps: int) -> None:
        """Everything comes in `steps` lots; each is worked on in any order and counted at once."""
        size = max(1, -(-len(papers) // steps))
        for start in range(0, len(papers), size):
            lot = papers[start : start + size]
            ids = self.receives(lot)
            chance.shuffle(ids)
            self.works(ids)
            if start + size >= len(papers):  # nobody at a desk decides on what has not come
                self.decides(papers)
                self.places_clubs()
            self.an_hour_passes()
            self.compares()
            self.measures()

    # -------------------------------------------------------------- what it says
    def figures(self, period: Period) -> Figures:
        with self.database.read() as db:
            found = rollup.roll_up_all(db, library(), period)
            names = self._names(db, period.last)
        return {
            (level, names[level, place], *cell): shown(figure, cell[0])
            for level, figures in found.items()
            for (place, *cell), figure in figures.items()
        }

    def _names(self, db: Any, day: date) -> dict[tuple[str, str], str]:
        named = {("club", uuid): key for key, uuid in club_ids(self.truth).items()}
        for level in ("commune", "district", "city"):
            for unit in places.units_on(db, day, level):
                named[level, str(unit.id)] = unit.code
        return named

    def differences(self) -> list[Difference]:
        scratch = self.folder / "verify"
        scratch.mkdir()
        with self.database.read() as db:
            return verify(db, library(), scratch, NOW)


Spot = tuple[str, ...]  # level, place, indicator, cut, cut value
Shown = tuple[Decimal | None, Decimal | None, int]  # above the line, below it, not known
Figures = dict[Spot, Shown]


def shown(figure: Any, indicator: str) -> Shown:
    """The number in the indicator's own unit (hours, not minutes)."""
    known = library().figures.indicators[indicator]
    above = None if figure.numerator is None else figure.numerator / known.divided_by
    return above, figure.denominator, figure.missing
