"""A phone: OpenRosa as ODK Collect speaks it, with an outbox that keeps what was not acknowledged.

It downloads forms, manifests, media and entity lists, fills forms offline, asks HEAD before POST,
takes only 201 and 202 for success and repeats everything else later (protocol §4.5, §14).
"""

from __future__ import annotations

import http.client
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from csv import DictReader
from dataclasses import dataclass, field
from io import StringIO
from typing import Any
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

Headers = Mapping[str, str]
Transport = Callable[[str, str, Headers, bytes], tuple[int, Headers, bytes]]
# Leaf name → text, or, for a repeat, a list of Answers; "" → the EntityEdit of a repeat's row.
Answers = Mapping[str, Any]

OPENROSA_HEADERS = {"X-OpenRosa-Version": "1.0", "User-Agent": "org.odk.collect.android/v2026.3"}
AUDIT = "audit.csv"  # called so in every submission of every phone
LIST_LIMIT = 10_000_000  # what Collect assumes while no HEAD told it otherwise
INSTANCE_NAMESPACES = (
    ' xmlns:jr="http://openrosa.org/javarosa" xmlns:orx="http://openrosa.org/xforms"'
    ' xmlns:odk="http://www.opendatakit.org/xforms"'
)


class SyncError(Exception):
    """The phone could not take what the server answered; the sentence says which request."""


@dataclass(frozen=True, slots=True)
class PhoneForm:
    """A form on the phone: its XML, the template of its instance, and the files beside it."""

    xml_form_id: str
    version: str
    xform: bytes
    template: etree._Element
    media: Mapping[str, bytes]


@dataclass(slots=True)
class Filled:
    """A finalized form in the outbox."""

    instance_id: str
    name: str
    xml: bytes
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntityEdit:
    """What a filled form does to its entity; `id` is made on the phone when it creates one."""

    id: str
    action: str = ""  # "create", "update" or "upsert" where the form decides by conditions
    label: str = ""
    base_version: str = ""
    trunk_version: str = ""
    branch_id: str = ""


class Phone:
    """One phone, set up with one server URL. Deterministic when given its own `new_uuid`."""

    def __init__(
        self,
        server_url: str,
        *,
        device_id: str | None = None,
        transport: Transport | None = None,
        new_uuid: Callable[[], uuid.UUID] = uuid.uuid4,
    ) -> None:
        self.server_url = server_url.rstrip("/")
        self.device_id = device_id or f"collect:{secrets.token_hex(8)}"
        self.transport = transport or HttpTransport()
        self.new_uuid = new_uuid
        self.forms: dict[str, PhoneForm] = {}
        self.lists: dict[str, list[dict[str, str]]] = {}
        self.outbox: list[Filled] = []
        self.last_message = ""
        self._limit: int | None = None

    # ---- getting forms
    def sync(self) -> None:
        """Bring forms, media and entity lists to what the server has now."""
        root = self._get_xml(f"{self.server_url}/formList")
        listed = [{_local(node): (node.text or "") for node in form} for form in root]
        for form in listed:
            media = self._get_media(form["manifestUrl"]) if form.get("manifestUrl") else {}
            xform = self._get(form["downloadUrl"])
            self.forms[form["formID"]] = PhoneForm(
                form["formID"], form["version"], xform, _template(xform), media
            )
        for gone in set(self.forms) - {form["formID"] for form in listed}:
            del self.forms[gone]  # "exactly match server"

    def _get_media(self, url: str) -> dict[str, bytes]:
        media: dict[str, bytes] = {}
        for entry in self._get_xml(url):
            values = {_local(node): (node.text or "") for node in entry}
            content = self._get(values["downloadUrl"])
            media[values["filename"]] = content
            if entry.get("type") == "entityList":
                rows = DictReader(StringIO(content.decode("utf-8")))
                self.lists[values["filename"].removesuffix(".csv")] = list(rows)
        return media

    def _get_xml(self, url: str) -> etree._Element:
        status, headers, body = self._call("GET", url)
        if status != 200 or "x-openrosa-version" not in headers:
            raise SyncError(f"{urlsplit(url).path.rpartition('/')[2]}: {status}")
        if "text/xml" not in headers.get("content-type", ""):
            raise SyncError("not an OpenRosa answer: a captive portal?")
        return etree.fromstring(body)

    def _get(self, url: str) -> bytes:
        status, _headers, body = self._call("GET", url)
        if status != 200:
            raise SyncError(f"{urlsplit(url).path.rpartition('/')[2]}: {status}")
        return body

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
        """Finalize one form into the outbox. Unanswered questions count as not relevant: absent."""
        form = self.forms[form_id]
        instance_id = f"uuid:{self.new_uuid()}"
        meta = {"instanceID": instance_id, "instanceName": instance_name, "deprecatedID": replaces}
        if AUDIT in (files or {}):
            meta["audit"] = AUDIT
        attributes = f" id={quoteattr(form_id)} version={quoteattr(version or form.version)}"
        inner = _children(form.template, answers, meta, entity)
        name = _local(form.template)
        xml = (
            f"<?xml version='1.0' ?><{name}{INSTANCE_NAMESPACES}"
            f' xmlns:entities="http://www.opendatakit.org/xforms/entities"{attributes}>'
            f"{inner}</{name}>"
        ).encode()
        filled = Filled(instance_id, form_id, xml, dict(files or {}))
        self.outbox.append(filled)
        return filled

    # ---- sending
    def send(self) -> int:
        """Try everything in the outbox, in order; what is not acknowledged stays. How many went."""
        sent = 0
        for filled in list(self.outbox):
            if self._send_one(filled):
                self.outbox.remove(filled)
                sent += 1
        return sent

    def _send_one(self, filled: Filled) -> bool:
        url = f"{self.server_url}/submission"
        if self._limit is None:
            status, headers, _body = self._call("HEAD", url)
            if status != 204:
                return False
            self._limit = int(headers.get("x-openrosa-accept-content-length", LIST_LIMIT))
        for batch, is_last in split(filled.files, len(filled.xml), self._limit):
            content_type, body = multipart(filled, batch, incomplete=not is_last)
            status, _headers, answer = self._call("POST", url, {"Content-Type": content_type}, body)
            self.last_message = message_of(answer)
            if status not in (201, 202):
                return False
        return True

    def _call(
        self, method: str, url: str, headers: Headers | None = None, body: bytes = b""
    ) -> tuple[int, Headers, bytes]:
        mark = "&" if "?" in url else "?"
        url = f"{url}{mark}deviceID={quote(self.device_id, safe='')}"
        sent = {**OPENROSA_HEADERS, **(headers or {})}
        status, answered, content = self.transport(method, url, sent, body)
        # Servers differ in how they write header names; phones do not look at that.
        return status, {name.lower(): value for name, value in answered.items()}, content


class HttpTransport:
    """HTTP/1.1 over one kept-alive connection per host; repeats once when the line was cut."""

    def __init__(self) -> None:
        self._connection: http.client.HTTPConnection | None = None
        self._host = ""

    def __call__(
        self, method: str, url: str, headers: Headers, body: bytes
    ) -> tuple[int, Headers, bytes]:
        parts = urlsplit(url)
        if self._connection is None or self._host != parts.netloc:
            self._connection = http.client.HTTPConnection(parts.netloc, timeout=60)
            self._host = parts.netloc
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            return self._once(self._connection, method, target, headers, body)
        except (http.client.HTTPException, ConnectionError):
            self._connection.close()  # as OkHttp: the same request again, at once
            return self._once(self._connection, method, target, headers, body)

    @staticmethod
    def _once(
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        headers: Headers,
        body: bytes,
    ) -> tuple[int, Headers, bytes]:
        connection.request(method, target, body=body or None, headers=dict(headers))
        response = connection.getresponse()
        content = response.read()
        return response.status, dict(response.headers), content


def split(
    files: Mapping[str, bytes], xml_size: int, limit: int
) -> list[tuple[dict[str, bytes], bool]]:
    """Collect's rule (protocol §4.4): close a POST beyond 101 files or before the limit."""
    batches: list[dict[str, bytes]] = [{}]
    size = xml_size
    for name, content in files.items():
        if batches[-1] and (len(batches[-1]) > 100 or size + len(content) > limit):
            batches.append({})
            size = xml_size
        batches[-1][name] = content
        size += len(content)
    return [(batch, batch is batches[-1]) for batch in batches]


def multipart(filled: Filled, files: Mapping[str, bytes], *, incomplete: bool) -> tuple[str, bytes]:
    """The body of one POST as Collect writes it: XML first, raw UTF-8 names."""
    boundary = filled.instance_id[-36:]
    parts = [_part(boundary, "xml_submission_file", f"{filled.name}.xml", "text/xml", filled.xml)]
    for name, content in files.items():
        parts.append(_part(boundary, name, name, "application/octet-stream", content))
    if incomplete:
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="*isIncomplete*"\r\n\r\nyes\r\n'
        )
        parts.append(head.encode())
    parts.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", b"".join(parts)


def message_of(answer: bytes) -> str:
    """The text an OpenRosa answer shows to the person, or "" when it has none."""
    if b"OpenRosaResponse" not in answer:
        return ""
    for node in etree.fromstring(answer).iter():
        if _local(node) == "message":
            return node.text or ""
    return ""


def _part(boundary: str, name: str, filename: str, content_type: str, content: bytes) -> bytes:
    disposition = f'form-data; name="{_quoted(name)}"; filename="{_quoted(filename)}"'
    head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {content_type}"
    return head.encode() + b"\r\n\r\n" + content + b"\r\n"


def _quoted(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _local(node: etree._Element) -> str:
    return etree.QName(node).localname


def _template(xform: bytes) -> etree._Element:
    """The primary instance: the first child of the first <instance> of the model."""
    root = etree.fromstring(xform)
    for node in root.iter("{*}instance"):
        return node[0]
    raise SyncError("the form has no instance")


def _write(
    node: etree._Element,
    answers: Answers,
    meta: Mapping[str, str | None],
    entity: EntityEdit | None,
) -> str:
    """One node of the template as XML, filled; "" where nothing is answered."""
    name = _local(node)
    if name == "meta":
        return _write_meta(node, meta, entity)
    value = answers.get(name)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "".join(_element(name, _children(node, item, {}, item.get(""))) for item in value)
    if len(node):
        inner = _children(node, answers, meta, entity)
        return _element(name, inner) if inner and not _is_repeat(node) else ""
    return "" if value is None else _element(name, escape(str(value)))


def _is_repeat(node: etree._Element) -> bool:
    return any(etree.QName(key).localname == "template" for key in node.attrib)


def _children(
    node: etree._Element,
    answers: Answers,
    meta: Mapping[str, str | None],
    entity: EntityEdit | None,
) -> str:
    # pyxform writes a repeat twice, as a template and as its first row.
    rows = {child.tag for child in node if _is_repeat(child)}
    return "".join(
        _write(child, answers, meta, entity)
        for child in node
        if child.tag not in rows or _is_repeat(child)
    )


def _write_meta(
    node: etree._Element, meta: Mapping[str, str | None], entity: EntityEdit | None
) -> str:
    written = "".join(_element(name, escape(value)) for name, value in meta.items() if value)
    for child in node:
        if _local(child) == "entity" and entity is not None:
            written += _write_entity(child, entity)
    return _element("meta", written)


def _write_entity(node: etree._Element, edit: EntityEdit) -> str:
    values = {
        "id": edit.id,
        "baseVersion": edit.base_version,
        "trunkVersion": edit.trunk_version,
        "branchId": edit.branch_id,
    }
    if edit.action:  # the form's conditions, as JavaRosa writes them
        values |= {name: str(int(edit.action in (name, "upsert"))) for name in ("create", "update")}
    attributes = "".join(
        f" {key}={quoteattr(values.get(key) or str(value))}"
        for key, value in ((str(key), value) for key, value in node.attrib.items())
    )
    return f"<entity{attributes}>{_element('label', escape(edit.label))}</entity>"


def _element(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>" if inner else f"<{name}/>"
