"""XML from strangers: no DOCTYPE, no entities, no network, bounded in size and depth."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from forms.problems import NOT_XML, TOO_LARGE, XML_DOCTYPE, XML_TOO_DEEP, Refused

Element = etree._Element  # lxml has no public name for it

MAX_BYTES = 10 * 1024 * 1024
MAX_DEPTH = 100  # a repeat in a repeat in a group is 10; Python must be able to walk it

_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_too_deep = etree.XPath(f"boolean({'/*' * (MAX_DEPTH + 1)})")  # in C: Python would visit each node


def parse(data: bytes, limit: int = MAX_BYTES) -> Element:
    """The root element of `data`; Refused(NOT_XML, XML_DOCTYPE, XML_TOO_DEEP or TOO_LARGE)."""
    if len(data) > limit:
        raise Refused(TOO_LARGE(limit=limit))
    refuse_doctype(data)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        if "depth" in str(error):
            raise Refused(XML_TOO_DEEP(limit=MAX_DEPTH)) from None
        raise Refused(NOT_XML()) from None
    if root.getroottree().docinfo.internalDTD is not None:  # hidden by an encoding (UTF-16, UTF-7)
        raise Refused(XML_DOCTYPE())
    if _too_deep(root):
        raise Refused(XML_TOO_DEEP(limit=MAX_DEPTH))
    return root


def refuse_doctype(data: bytes) -> None:
    """Look only where a DOCTYPE can stand: the same letters in an answer are an answer."""
    prolog = _PROLOG.match(data)
    start = prolog.end() if prolog else 0
    if data[start : start + 9].upper() == b"<!DOCTYPE":
        raise Refused(XML_DOCTYPE())


def local(node: Element) -> str:
    """The tag without its namespace: clients differ in where they put `meta` and its children."""
    tag: str = node.tag
    return tag.rpartition("}")[2]


def children(node: Element, name: str) -> Iterator[Element]:
    """Child elements called `name` in any namespace, or in none."""
    return node.iterchildren("{*}" + name)


def child(node: Element, name: str) -> Element | None:
    """The first child element called `name` in any namespace."""
    return next(children(node, name), None)
