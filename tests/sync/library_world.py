"""The library's own forms, published, and phones that send them: for tests of rules and facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from lxml import etree

from forms.instance import read_instance
from forms.library import Library, load_library
from sync import places, process, publish, receive
from sync.blobs import Folder
from sync.database import Database
from sync.tables import form_versions, forms, records, spells
from sync.verify import Difference, verify
from tests.made_once import made_once
from tests.sync.comparing import compare
from tests.sync.sending import an_id

NOW = datetime(2026, 1, 20, 3, 0, tzinfo=UTC)
Spells = list[tuple[str, str, str | None]]


def publish_once(database: Database, folder: Path, library: Library, now: datetime) -> None:
    """Units and forms of the library, into an empty database and `folder`/blobs."""

    def publish_all() -> None:
        with database.write() as db:
            places.load_units(db, library.units, library.successions)
            publish.publish_library(db, Folder(folder / "blobs"), library, now)

    if library is load_library():
        made_once(f"library published on {now}", database, folder, publish_all)
    else:
        publish_all()


@dataclass
class LibraryWorld:
    """A database with units and forms; `send` receives, `work` processes what came since."""

    database: Database
    folder: Path
    library: Library = field(default_factory=load_library)
    now: datetime = NOW
    waiting: list[int] = field(default_factory=list)
    published: bool = False  # before this world began

    def __post_init__(self) -> None:
        if not self.published:
            publish_once(self.database, self.folder, self.library, NOW)

    def send(
        self,
        form: str,
        answers: Mapping[str, str],
        key: str,
        *,
        replaces: str = "",
        create: str = "",
        update: str = "",
        label: str = "",
        at: datetime | None = None,
    ) -> int:
        """A filled-in form; create and update name the entity of the form's list that it saves."""
        xml = self.filled(
            form, answers, key, replaces=replaces, create=create, update=update, label=label
        )
        with self.database.write() as db:
            arrival = receive.Arrival(1, read_instance(xml), xml)
            version_id = receive.receive(db, arrival, at or self.now).submission_version_id
        self.waiting.append(version_id)
        return version_id

    def filled(
        self,
        form: str,
        answers: Mapping[str, str],
        key: str,
        *,
        replaces: str = "",
        create: str = "",
        update: str = "",
        label: str = "",
    ) -> bytes:
        """What a phone would send of it."""
        root = self._blank(form)
        for leaf in [node for node in root.iter() if not len(node)]:
            parent = leaf.getparent()
            assert parent is not None
            name = etree.QName(leaf).localname
            if name in answers:
                leaf.text = answers[name]
            elif etree.QName(parent).localname not in ("meta", "entity"):
                parent.remove(leaf)
        self._fill_meta(root, key, replaces, create or update, "create" if create else "update")
        if label:
            root.find("{*}meta/{*}entity/{*}label").text = label
        return bytes(etree.tostring(root))

    def _blank(self, form: str) -> Any:
        with self.database.read() as db:
            query = sa.select(form_versions.c.xform).join(
                forms, forms.c.current_version_id == form_versions.c.id
            )
            query = query.where(forms.c.xml_form_id == form, forms.c.project_id == 1)
            xform = db.execute(query).scalar_one()
        instance = etree.fromstring(xform).find(".//{*}model/{*}instance")
        assert instance is not None
        root = deepcopy(instance[0])
        for template in root.xpath("//*[@*[local-name() = 'template']]"):
            template.getparent().remove(template)
        return root

    def _fill_meta(self, root: Any, key: str, replaces: str, entity: str, verb: str) -> None:
        meta = root.find("{*}meta")
        meta.find("{*}instanceID").text = f"uuid:{an_id(key)}"
        if replaces:
            etree.SubElement(meta, "deprecatedID").text = f"uuid:{an_id(replaces)}"
        node = meta.find("{*}entity")
        if node is not None:
            for name in ("create", "update"):
                if name in node.attrib:
                    node.set(name, "1" if entity and name == verb else "0")
            node.set("id", entity)

    def work(self, *version_ids: int) -> None:
        ids: Sequence[int] = version_ids or self.waiting
        self.waiting = [one for one in self.waiting if one not in ids]
        with self.database.read() as db:
            prepared = process.prepare(db, self.library, ids, self.now)
        with self.database.write() as db:
            process.store(db, self.library, prepared, self.now)
        compare(self.database, self.library, self.now)

    def told(self, uuid: str, name: str) -> Spells:
        """What was so, from which day to (not with) which."""
        c = spells.c
        with self.database.read() as db:
            rows = db.execute(sa.select(spells).where(c.uuid == uuid, c.name == name)).all()
        return sorted(
            ((r.value, str(r.valid_from), str(r.valid_to) if r.valid_to else None) for r in rows),
            key=lambda one: one[1],
        )

    def codes(self, form: str) -> list[list[str]]:
        """The flags of each record, in the order of arrival."""
        return [[one["code"] for one in row.problems] for row in self.records(form)]

    def records(self, form: str) -> list[Any]:
        c = records.c
        query = sa.select(records).where(c.form == form, c.table_path == "")
        with self.database.read() as db:
            return list(db.execute(query.order_by(c.submission_version_id)))

    def differences(self) -> list[Difference]:
        """What verify finds."""
        scratch = self.folder / f"verify {len(list(self.folder.iterdir()))}"
        scratch.mkdir()
        with self.database.read() as db:
            return verify(db, self.library, scratch, self.now)
