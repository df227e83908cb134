"""What one version of a form asks: fields, repeats, choices, files it needs, entities it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

DEFAULT = "default"  # language of labels in a form that names none


@dataclass(frozen=True, slots=True)
class Choice:
    """One possible answer: its code and its label per language."""

    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One node of the form, in the order of the form.

    path          names below the root, e.g. ("who", "club"); the last one is `name`
    kind          "value", "group" or "repeat"
    type          of a value: "select1", "select", "rank", else the bind's type without prefix
                  ("string", "int", "decimal", "date", "binary", "geopoint", ...); "" otherwise
    labels        language → label; references as ${name}; {} when it has none
    choices       of a select from the form's own lists; None = not a select, or from a file
    choices_file  id of the external instance the choices come from, e.g. "members"
    table         where its answers stand: "" or the path of the repeat, "supplies", "a/b";
                  of a repeat, the table it opens
    column        key of its answers in that table: the name, or "group/name" when taken
    """

    path: tuple[str, ...]
    name: str
    kind: Literal["value", "group", "repeat"]
    type: str
    labels: Mapping[str, str]
    choices: tuple[Choice, ...] | None
    choices_file: str | None
    table: str
    column: str


@dataclass(frozen=True, slots=True)
class Save:
    """The answer at `path` (below the form's root) becomes this property of the entity."""

    path: tuple[str, ...]
    property: str


@dataclass(frozen=True, slots=True)
class EntityDeclaration:
    """Entities a form makes: list, container (path below the root, () = whole form), actions."""

    list_name: str
    path: tuple[str, ...]
    table: str
    creates: bool
    updates: bool
    saves: tuple[Save, ...]


@dataclass(frozen=True, slots=True)
class Media:
    """A file the form needs: a CSV that feeds an instance, or any other file."""

    filename: str
    kind: Literal["csv", "file"]


@dataclass(frozen=True)
class FormSchema:
    """A form version as fields. `languages` as the form writes them, the default one first."""

    xml_form_id: str
    version: str
    title: str
    languages: tuple[str, ...]
    fields: tuple[Field, ...]
    entities: tuple[EntityDeclaration, ...]
    media: tuple[Media, ...]

    @property
    def tables(self) -> tuple[str, ...]:
        """ "" first, then one per repeat in the form's order: ("", "supplies", "a", "a/b")."""
        raise NotImplementedError

    def columns(self, table: str = "") -> tuple[Field, ...]:
        """The value fields of one table, in the form's order."""
        raise NotImplementedError


def in_language(labels: Mapping[str, str], language: str) -> str | None:
    """The label in "vi" or "Tiếng Việt (vi)"; else the first there is; else None."""
    raise NotImplementedError


def read_schema(xform: bytes) -> FormSchema:
    """Read an XForm (pyxform's or hand-made); Refused when it is not one."""
    raise NotImplementedError
