"""ODK Collect on one phone: "exactly match server", offline entities, an outbox that survives.

Written from protocol §2 to §4, §6.6 and §14 and from nothing of the server's own code.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable, Mapping
from csv import DictReader
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from io import StringIO
from typing import Any
from urllib.parse import quote

from lxml import etree

from server.demo.phone import (
    AUDIT,
    LIST_LIMIT,
    Answers,
    EntityEdit,
    Filled,
    Phone,
    PhoneForm,
    SyncError,
    Transport,
    _local,
    _template,
    message_of,
    multipart,
    split,
)
from tests import local_entities as entities
from tests.local_entities import LocalEntity


class Found(StrEnum):
    """What a listed form is to this phone (protocol §2.5)."""

    NEW = "new"
    ON_DEVICE = "on device"
    UPDATED_HASH = "updated hash"
    UPDATED_VERSION = "updated version"
    UPDATED_MEDIA = "updated media"


@dataclass
class Held:
    """A form on the phone's disk. A deleted one stays for the answers that were given to it."""

    form: PhoneForm
    is_deleted: bool = False

    @property
    def md5(self) -> str:
        return _md5(self.form.xform)


@dataclass(frozen=True)
class MediaFile:
    """One line of a manifest; `mark` is what stands behind "md5:"."""

    name: str
    mark: str
    url: str
    is_list: bool
    integrity_url: str


@dataclass(frozen=True)
class Listed:
    """One line of the form list, with its manifest as far as that could be had."""

    form_id: str
    version: str
    md5: str
    url: str
    media: tuple[MediaFile, ...] = ()


@dataclass
class Draft:
    """How a form was filled, to open it again."""

    form_id: str
    answers: dict[str, Any]
    files: dict[str, bytes]
    instance_name: str = ""
    entity: EntityEdit | None = None


class SignInNeeded(Exception):
    """HEAD met a 401: the phone asks its owner for a password, and sends nothing meanwhile."""


@dataclass
class Report:
    """What the phone noticed and its owner never would."""

    wrong_hashes: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)  # of POSTs


class Collect(Phone):
    """A Phone that keeps what Collect keeps, forgets what Collect forgets."""

    def __init__(
        self,
        server_url: str,
        *,
        transport: Transport,
        device_id: str | None = None,
        new_uuid: Callable[[], uuid.UUID] = uuid.uuid4,
    ) -> None:
        super().__init__(server_url, device_id=device_id, transport=transport, new_uuid=new_uuid)
        self.held: list[Held] = []
        self.entities: dict[str, entities.Entities] = {}
        self.marks: dict[str, str] = {}  # of entity lists, as the manifest gave them
        self.sent: list[Filled] = []
        self.drafts: dict[str, Draft] = {}  # by instanceID
        self.report = Report()

    # ---- getting forms
    def sync(self) -> None:
        """Match the server exactly. SyncError where something stays undone; nothing is half done.

        Forms go only after a list that is whole; what could be fetched is fetched all the same.
        """
        listed = self._list()
        found = [(one, self._classify(one)) for one in listed]
        self._forget_all_but({one.form_id for one in listed})
        failed = []
        for one, what in found:
            if what is not Found.ON_DEVICE:
                try:
                    self._download(one)
                except (SyncError, OSError, etree.XMLSyntaxError) as error:
                    failed.append(f"{one.form_id}: {error}")
        self._show()
        if failed:
            raise SyncError("; ".join(failed))

    def _list(self) -> list[Listed]:
        try:
            root = self._get_xml(f"{self.server_url}/formList")
        except (OSError, etree.XMLSyntaxError) as error:
            raise SyncError("form list") from error
        if root.tag != "{http://openrosa.org/xforms/xformsList}xforms":
            raise SyncError("not a form list")
        return [self._listed(node) for node in root]

    def _listed(self, node: etree._Element) -> Listed:
        values = {_local(child): (child.text or "").strip() for child in node}
        if not all(values.get(name) for name in ("formID", "name", "downloadUrl")):
            raise SyncError("one form without id, name or address: the whole list is refused")
        media: tuple[MediaFile, ...] = ()
        if values.get("manifestUrl"):
            try:
                media = self._manifest(values["manifestUrl"])
            except (SyncError, OSError, etree.XMLSyntaxError):
                media = ()  # Collect swallows it: the form then has no files
        md5 = values.get("hash", "")
        md5 = md5.removeprefix("md5:") if md5.startswith("md5:") else ""
        return Listed(
            values["formID"], values.get("version", ""), md5, values["downloadUrl"], media
        )

    def _manifest(self, url: str) -> tuple[MediaFile, ...]:
        found = []
        for entry in self._get_xml(url):
            values = {_local(node): (node.text or "").strip() for node in entry}
            if not all(values.get(name) for name in ("filename", "hash", "downloadUrl")):
                raise SyncError("manifest")
            found.append(
                MediaFile(
                    values["filename"].rpartition("/")[2],
                    values["hash"][4:],
                    values["downloadUrl"],
                    entry.get("type") in ("entityList", "approvalEntityList"),
                    values.get("integrityUrl", ""),
                )
            )
        return tuple(found)

    def _classify(self, one: Listed) -> Found:
        same = [held for held in self.held if held.md5 == one.md5]
        if same:
            if same[0].is_deleted:
                return Found.NEW
            here = {_md5(content) for content in same[0].form.media.values()}
            newer = any(m.mark not in here for m in one.media if not m.name.endswith(".zip"))
            return Found.UPDATED_MEDIA if newer else Found.ON_DEVICE
        mine = [held for held in self.held if held.form.xml_form_id == one.form_id]
        if not mine:
            return Found.NEW
        if not one.md5:
            return Found.ON_DEVICE
        is_same = any(held.form.version == one.version for held in mine)
        return Found.UPDATED_HASH if is_same else Found.UPDATED_VERSION

    def _forget_all_but(self, form_ids: set[str]) -> None:
        """Of forms that are not listed the blank goes; what was filled in stays."""
        for held in list(self.held):
            form_id = held.form.xml_form_id
            if form_id not in form_ids:
                if any(f.name == form_id for f in (*self.outbox, *self.sent)):
                    held.is_deleted = True
                else:
                    self.held.remove(held)

    def _download(self, one: Listed) -> None:
        """The form with all its files, or nothing of it (lists of entities apart)."""
        xform = self._get(one.url)
        try:
            template = _template(xform)
        except etree.XMLSyntaxError as error:
            raise SyncError("not a form") from error
        if _md5(xform) != one.md5:
            self.report.wrong_hashes.append(one.form_id)
        before = self._beside(one)
        media: dict[str, bytes] = {}
        for file in one.media:
            if file.is_list:
                self._take_list(file)
            elif file.name in before and _md5(before[file.name]) == file.mark:
                media[file.name] = before[file.name]
            else:
                media[file.name] = self._get(file.url)
        form = PhoneForm(one.form_id, one.version, xform, template, media)
        self.held = [
            held
            for held in self.held
            if (held.form.xml_form_id, held.form.version) != (one.form_id, one.version)
        ]
        self.held.append(Held(form))

    def _beside(self, one: Listed) -> Mapping[str, bytes]:
        """The files of the version before, which need not be fetched again."""
        mine = [held.form for held in self.held if held.form.xml_form_id == one.form_id]
        same = [form for form in mine if form.version == one.version]
        return (same or mine)[-1].media if mine else {}

    # ---- entity lists
    def _take_list(self, file: MediaFile) -> None:
        name = file.name.removesuffix(".csv")
        local = self.entities.setdefault(name, {})
        if self.marks.get(name) != file.mark:
            text = self._get(file.url).decode("utf-8")
            rows = DictReader(StringIO(text))
            if not {"name", "label", "__version"} <= set(rows.fieldnames or ()):
                return  # Collect takes nothing then, and says nothing
            local = entities.imported(local, list(rows), self._new_branch)
            self.entities[name] = local
            self.marks[name] = file.mark
        offline = [one.id for one in local.values() if one.state == "OFFLINE"]
        if file.integrity_url and offline:
            told = self._ask_integrity(file.integrity_url, offline)
            self.entities[name] = entities.integrity_told(local, told)

    def _ask_integrity(self, url: str, ids: list[str]) -> dict[str, bool]:
        root = self._get_xml(f"{url}?id={quote(','.join(ids), safe='')}")
        told: dict[str, bool] = {}
        for entity in root.iterfind("entities/entity"):
            text = entity.findtext("deleted")
            if text not in ("true", "false"):
                raise SyncError("integrity")
            told[entity.get("id", "")] = text == "true"
        return told

    def _new_branch(self) -> str:
        return str(self.new_uuid())

    def _show(self) -> None:
        """What the owner can open and choose from."""
        self.forms = {held.form.xml_form_id: held.form for held in self.held if not held.is_deleted}
        self.lists = {
            name: [one.row() for one in local.values()] for name, local in self.entities.items()
        }

    # ---- filling
    def fill(
        self,
        form_id: str,
        answers: Answers,
        *,
        entity: EntityEdit | None = None,
        instance_name: str = "",
        files: Mapping[str, bytes] | None = None,
        replaces: str | None = None,
        version: str | None = None,
    ) -> Filled:
        """Finalize one form: into the outbox and, unless it is an edit, into this phone's lists."""
        form = self.forms[form_id]
        given = dict(files or {})
        if any(_local(node) == "audit" for node in form.template.iter("{*}audit")):
            given[AUDIT] = f"event,node,start,end\nform start,,{len(self.drafts)},\n".encode()
        filled = super().fill(
            form_id,
            answers,
            entity=entity and self._as_known(form, entity),
            instance_name=instance_name,
            files=given,
            replaces=replaces,
            version=version,
        )
        self.drafts[filled.instance_id] = Draft(
            form_id, dict(answers), dict(files or {}), instance_name, entity
        )
        if entities.is_entity_form(form.xform) and replaces is None:
            for change in entities.changes_of(form.xform, filled.xml):
                if change.list_name in self.entities:
                    local = self.entities[change.list_name]
                    local = entities.finalized(local, change, self._new_branch)
                    self.entities[change.list_name] = local
            self._show()
        return filled

    def edit(
        self, filled: Filled, answers: Answers, files: Mapping[str, bytes] | None = None
    ) -> Filled:
        """Open a finalized form again and finalize it anew: a new instance with all its files."""
        draft = self.drafts[filled.instance_id]
        return self.fill(
            draft.form_id,
            {**draft.answers, **answers},
            entity=draft.entity,
            files={**draft.files, **(files or {})},
            instance_name=draft.instance_name,
            replaces=filled.instance_id,
        )

    def _as_known(self, form: PhoneForm, edit: EntityEdit) -> EntityEdit:
        """The versions the form looks up on this phone; blank where it finds nobody."""
        dataset = next(
            (node.get("dataset", "") for node in form.template.iterfind("{*}meta/{*}entity")), ""
        )
        known = self.entities.get(dataset, {}).get(edit.id)
        if known is None:
            return edit
        row = known.row()
        return replace(
            edit,
            base_version=row["__version"],
            trunk_version=row["__trunkVersion"],
            branch_id=row["__branchId"],
        )

    # ---- sending
    def send(self) -> int:
        """Everything in the outbox in the order of finalizing; one that fails stops no other."""
        sent = 0
        for filled in list(self.outbox):
            try:
                good = self._send_one(filled)
            except SignInNeeded:
                break
            except OSError:
                good = False
            if good:
                self.outbox.remove(filled)
                self.sent.append(filled)
                sent += 1
        return sent

    def _send_one(self, filled: Filled) -> bool:
        url = f"{self.server_url}/submission"
        limit = self._ask_before(url)
        if limit is None:
            return False
        for batch, is_last in split(filled.files, len(filled.xml), limit):
            content_type, body = multipart(filled, batch, incomplete=not is_last)
            status, _headers, answer = self._call("POST", url, {"Content-Type": content_type}, body)
            self.report.statuses.append(status)
            self.last_message = message_of(answer)
            if status not in (201, 202):
                return False
        return True

    def _ask_before(self, url: str) -> int | None:
        """HEAD before every submission: how much one POST may carry; None = not an OpenRosa server.

        Another 4xx or 5xx stops nothing: the POST will tell.
        """
        status, headers, _body = self._call("HEAD", url)
        if status == 204:
            text = headers.get("x-openrosa-accept-content-length", "")
            return int(text) if text.isdigit() else LIST_LIMIT
        if status == 401:
            raise SignInNeeded
        return LIST_LIMIT if status >= 400 else None

    # ---- its memory
    def memory(self) -> dict[str, Any]:
        """Everything that outlives a flat battery, as JSON has it."""
        return {
            "server_url": self.server_url,
            "device_id": self.device_id,
            "held": [
                {
                    "form": [held.form.xml_form_id, held.form.version, _text(held.form.xform)],
                    "media": _texts(held.form.media),
                    "is_deleted": held.is_deleted,
                }
                for held in self.held
            ],
            "entities": {
                name: [vars(one) for one in local.values()] for name, local in self.entities.items()
            },
            "marks": self.marks,
            "outbox": [_written(filled) for filled in self.outbox],
            "sent": [_written(filled) for filled in self.sent],
            "drafts": {
                instance_id: {
                    **vars(draft),
                    "files": _texts(draft.files),
                    "entity": asdict(draft.entity) if draft.entity else None,
                }
                for instance_id, draft in self.drafts.items()
            },
        }

    def remembers(self, memory: Mapping[str, Any]) -> None:
        """Be the phone that wrote this memory."""
        self.server_url, self.device_id = memory["server_url"], memory["device_id"]
        self.held = []
        for one in memory["held"]:
            form_id, version, text = one["form"]
            xform = base64.b64decode(text)
            form = PhoneForm(form_id, version, xform, _template(xform), _bytes(one["media"]))
            self.held.append(Held(form, one["is_deleted"]))
        self.entities = {
            name: {row["id"]: LocalEntity(**row) for row in rows}
            for name, rows in memory["entities"].items()
        }
        self.marks = dict(memory["marks"])
        self.outbox = [_read(one) for one in memory["outbox"]]
        self.sent = [_read(one) for one in memory["sent"]]
        self.drafts = {
            instance_id: Draft(
                one["form_id"],
                one["answers"],
                _bytes(one["files"]),
                one["instance_name"],
                EntityEdit(**one["entity"]) if one["entity"] else None,
            )
            for instance_id, one in memory["drafts"].items()
        }
        self._show()


def _md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _texts(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: _text(content) for name, content in files.items()}


def _bytes(files: Mapping[str, str]) -> dict[str, bytes]:
    return {name: base64.b64decode(text) for name, text in files.items()}


def _written(filled: Filled) -> list[Any]:
    return [filled.instance_id, filled.name, _text(filled.xml), _texts(filled.files)]


def _read(written: list[Any]) -> Filled:
    instance_id, name, xml, files = written
    return Filled(instance_id, name, base64.b64decode(xml), _bytes(files))
