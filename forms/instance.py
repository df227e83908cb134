"""One filled-in form as a phone sent it: who it says it is, before anyone asks what it means."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass

from forms.problems import BAD_CHARACTERS, ENCRYPTED, NO_FORM_ID, NO_INSTANCE_ID, Problem, Refused
from forms.text import nfc
from forms.xml import Element, child, children, parse

LONGEST_ID = 255  # characters; real ones have 41


@dataclass(frozen=True, slots=True)
class Instance:
    """A parsed submission. `version` is "" when it names none; ids are verbatim, prefix and all."""

    root: Element
    xml_form_id: str
    version: str
    instance_id: str
    deprecated_id: str | None
    instance_name: str | None
    encrypted: bool
    problems: tuple[Problem, ...]


def read_instance(data: bytes) -> Instance:
    """Read the XML part of a submission; Refused when it is not XML or names no form.

    What the phone cannot mend is flagged in `problems` instead: control characters (a cleaned copy
    is read), a missing instanceID (one is derived from the bytes, the same at every retry).
    """
    problems: list[Problem] = []
    root = _parse(data, problems)
    xml_form_id = (root.get("id") or "").strip()
    if not xml_form_id:
        raise Refused(NO_FORM_ID())
    meta = _meta(root)
    instance_id = _text(meta, "instanceID") or _old_instance_id(root)
    if instance_id is None:
        instance_id = derived_id(data)
        problems.append(NO_INSTANCE_ID())
    encrypted = root.get("encrypted") == "yes"
    if encrypted:
        problems.append(ENCRYPTED())
    deprecated_id = _text(meta, "deprecatedID")
    name = _text(meta, "instanceName")
    return Instance(
        root=root,
        xml_form_id=xml_form_id,
        version=root.get("version") or "",
        instance_id=_bounded(instance_id),
        deprecated_id=_bounded(deprecated_id) if deprecated_id else None,
        instance_name=nfc(name) if name else None,
        encrypted=encrypted,
        problems=tuple(problems),
    )


_UUID = re.compile(r"(?:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE)


def one_id(instance_id: str) -> str:
    """The spelling phones use, "uuid:" and lower case, for a UUID; any other id as it is."""
    found = _UUID.fullmatch(instance_id)
    return f"uuid:{found[1].lower()}" if found else instance_id


def spellings(instance_id: str) -> frozenset[str]:
    """Ways in which clients write the same id: with and without "uuid:", in either case."""
    found = _UUID.fullmatch(instance_id)
    if found is None:
        return frozenset({instance_id})
    bare = {found[1], found[1].lower(), found[1].upper()}
    return frozenset({instance_id, *bare, *(f"uuid:{one}" for one in bare)})


def derived_id(data: bytes) -> str:
    """An instanceID for bytes that carry none: the same bytes always get the same one."""
    return f"uuid:{uuid.UUID(bytes=hashlib.sha256(data).digest()[:16], version=5)}"


def _bounded(instance_id: str) -> str:
    """An id too long for a database index gives way to one derived from it, the same each time."""
    return instance_id if len(instance_id) <= LONGEST_ID else derived_id(instance_id.encode())


# Not allowed in XML 1.0, plainly or as a reference. Tab, LF and CR are.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:([0-9]{1,9})|x([0-9a-fA-F]{1,8}));")
_OTHER_ENCODING = re.compile(rb"<\?xml[^>]*encoding=[\"'](?!utf-?8[\"'])", re.IGNORECASE)


def _parse(data: bytes, problems: list[Problem]) -> Element:
    try:
        return parse(data)
    except Refused as refused:
        if refused.problem.code != "not_xml":
            raise
        cleaned = _clean(data)
        if cleaned == data:
            raise
    problems.append(BAD_CHARACTERS())
    return parse(cleaned)  # whole again: a NUL may have hidden a DOCTYPE


def _clean(data: bytes) -> bytes:
    """`data` without what XML forbids; bytes that are not UTF-8 become U+FFFD."""
    if _OTHER_ENCODING.match(data):
        return data
    text = _REFERENCE.sub(_allowed_reference, data.decode(errors="replace"))
    return _CONTROL.sub("", text).encode()


def _allowed_reference(match: re.Match[str]) -> str:
    code = int(match[1]) if match[1] else int(match[2], 16)
    legal = code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE
    return match[0] if legal or 0x10000 <= code <= 0x10FFFF else ""


def _meta(root: Element) -> Element | None:
    """The root's `meta`, in any namespace; of several, the one that holds the instanceID."""
    found = list(children(root, "meta"))
    return next(
        (m for m in found if child(m, "instanceID") is not None), found[0] if found else None
    )


def _text(node: Element | None, name: str) -> str | None:
    found = None if node is None else child(node, name)
    return None if found is None else (found.text or "").strip() or None


def _old_instance_id(root: Element) -> str | None:
    """Clients before OpenRosa's meta block put it on the root itself."""
    return (root.get("instanceID") or "").strip() or _text(root, "instanceID")
