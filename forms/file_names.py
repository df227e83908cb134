"""Names of attached files: one spelling of each, and which name in a form an upload means.

Form and file may come from two programs, one writing `ả` as one character, the other as two; and
old programs spoil what is not ASCII in the name of a part.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

from forms.text import nfc

if TYPE_CHECKING:  # the command line names files, and starts without lxml
    from forms.xml import Element

LONGEST_NAME = 255

_ON_NO_DISK = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]')
_LOST = re.compile(r"[^\x00-\x3e\x40-\x7f]+")  # beyond ASCII, or the "?" that some write instead


def file_name(text: str) -> str | None:
    """The last part of a file name, NFC, without control characters; None where nothing is left."""
    name = nfc(text).replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cs")).strip()
    if len(name) > LONGEST_NAME:
        stem, dot, extension = name.rpartition(".")
        tail = dot + extension if stem and len(extension) < 10 else ""
        name = name[: LONGEST_NAME - len(tail)] + tail
    return None if name in ("", ".", "..") else name


def on_any_disk(text: str) -> str:
    """A name of one part that every system can keep, a header can carry and a reader can trust.

    Names of files come from phones and ids of forms may hold a "/"; signs that turn the direction
    of writing let `gnp.exe` look like a picture.
    """
    name = _ON_NO_DISK.sub("-", text)
    return name if name.strip(". ") else "-"


def name_meant(sent_as: str, root: Element) -> str | None:
    """The name in the filled-in form that an upload called `sent_as` means; None: it is no name.

    A name that cannot be spoilt is taken as it is: looking into the form costs more.
    """
    own = file_name(sent_as)
    if sent_as.isascii() and "%" not in sent_as and "?" not in sent_as:
        return own
    named = {name for text in _texts(root) if (name := file_name(text)) is not None}
    if own in named:
        return own
    mended = (file_name(one) for one in _unspoilt(sent_as))
    return next((one for one in mended if one in named), None) or _only_like(sent_as, named) or own


def as_written(name: str, root: Element) -> str:
    """How the filled-in form itself spells this name: scripts look for those very characters."""
    return next((text for text in _texts(root) if file_name(text) == name), name)


def _texts(root: Element) -> Iterator[str]:
    return (str(text).strip() for text in root.itertext())


def _unspoilt(sent_as: str) -> Iterator[str]:
    """What it may have been: percent-encoded, or UTF-8 that was read as Latin-1 on the way."""
    if "%" in sent_as:
        yield unquote(sent_as, errors="replace")
    for wrongly_read in ("latin-1", "cp1252"):
        try:
            yield sent_as.encode(wrongly_read).decode()
        except UnicodeError:
            continue


def _only_like(sent_as: str, named: Iterable[str]) -> str | None:
    """The one name that differs only where letters were lost; of two nobody can tell."""
    if "?" not in sent_as and "\ufffd" not in sent_as:
        return None
    rest = _LOST.sub("?", sent_as)
    found = [
        name
        for name in named
        if rest in (_LOST.sub("?", unicodedata.normalize(form, name)) for form in ("NFC", "NFD"))
    ]
    return found[0] if len(found) == 1 else None
