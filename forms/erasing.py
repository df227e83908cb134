"""A filled-in form without what tells who somebody is: what is kept of it, and names taken out.

Its ids, and which entities it changes, stay: the same form sent again is known by them, and no
number of a version, which phones hold, is given twice.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

from lxml import etree

from forms.instance import read_instance
from forms.xml import Element, local

ERASED = "(đã xóa · erased)"  # stands where a name stood
_META = frozenset({"instanceID", "deprecatedID"})
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def keep_only(xml: bytes, columns: Collection[str]) -> bytes:
    """The form with its answers to these questions and to no others. Of its own result it changes
    nothing. Of one that is encrypted nothing but its ids."""
    instance = read_instance(xml)
    keep = () if instance.encrypted else columns
    _prune(instance.root, keep)
    if instance.encrypted:
        del instance.root.attrib["encrypted"]
    if not any(_META & {local(node) for node in meta} for meta in instance.root.iter("{*}meta")):
        meta = etree.SubElement(instance.root, "meta")  # it had none, or one that was too long
        etree.SubElement(meta, "instanceID").text = instance.instance_id
    return etree.tostring(instance.root, encoding="utf-8")


def _prune(parent: Element, keep: Collection[str]) -> None:
    for node in list(parent):
        name = local(node)
        if name == "meta":
            _prune_meta(node)
        elif len(node):
            _prune(node, keep)
        elif name in keep:
            _bare(node)
            continue
        if not len(node) and name not in ("meta", "entity"):
            parent.remove(node)
    parent.text = None
    for node in parent:
        node.tail = None


def _prune_meta(meta: Element) -> None:
    for node in list(meta):
        if local(node) == "entity":
            label = next((one for one in node if local(one) == "label"), None)
            for inner in list(node):
                node.remove(inner)
            if label is not None:
                etree.SubElement(node, "label").text = ERASED if (label.text or "").strip() else ""
            node.text = None
        elif local(node) not in _META:
            meta.remove(node)
        node.tail = None
    meta.text = None


def _bare(node: Element) -> None:
    """An answer says no more than its text."""
    for name in list(node.attrib):
        del node.attrib[name]


def without_names(xml: bytes, names: Iterable[str]) -> bytes:
    """The form with ERASED wherever an answer holds one of these names; the same bytes where none
    does. Longer names first, so that none is left behind in a part of another."""
    found = pattern(names)
    if found is None:
        return xml
    root, taken = read_instance(xml).root, 0
    for node in root.iter():
        if isinstance(node.tag, str) and node.text:
            node.text, times = found.subn(ERASED, node.text)
            taken += times
    return etree.tostring(root, encoding="utf-8") if taken else xml


def pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """Finds these names as whole words, in any case, with letters composed or not; None of none."""
    spelt = {
        unicodedata.normalize(form, name.strip())
        for name in names
        if name.strip() and name.strip() != ERASED
        for form in ("NFC", "NFD")
    }
    if not spelt:
        return None
    longest_first = sorted(spelt, key=lambda name: (-len(name), name))
    either = "|".join(re.escape(name) for name in longest_first)
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)


def uuids_in(xml: bytes) -> set[str]:
    """Every uuid that stands in it, in lower case."""
    return {found.decode().lower() for found in _UUID.findall(xml)}
