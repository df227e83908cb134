"""FormSchema + Instance to flat rows: one for the form, plus one per repeat instance."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import lru_cache
from itertools import chain, count

from forms.file_names import file_name
from forms.instance import Instance
from forms.problems import NOT_A_NUMBER, NOT_IN_FORM, UNKNOWN_CHOICE, Problem, ProblemType
from forms.schema import META_OWN, Field, FormSchema
from forms.text import nfc
from forms.xml import Element, children, local


@dataclass(frozen=True, slots=True)
class Row:
    """Answers of one table instance: column → text (NFC); what was not answered has no key.

    position         "" or "supplies[2]" or "a[1]/b[3]" (from 1)
    parent_position  None for the form itself, "" for a repeat of it, "a[1]" for one inside
    """

    table: str
    position: str
    parent_position: str | None
    answers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Flat:
    """Rows (the form's own first, then in document order), files named in answers, flags.

    files: names as `file_names.file_name` writes them, each once, meta/audit too.
    """

    rows: tuple[Row, ...]
    files: tuple[str, ...]
    problems: tuple[Problem, ...]


def flatten(schema: FormSchema, instance: Instance) -> Flat:
    """Every non-blank answer once; what the schema does not know is kept and flagged.

    Of an encrypted submission only the names of its files can be read.
    """
    if instance.encrypted:
        return Flat((Row("", "", None, {}),), _encrypted_files(instance.root), ())
    return _Flattener(schema).run(instance.root)


def at_repeat(position: str, name: str, number: int) -> str:
    """The position of the `number`th instance (from 1) of repeat `name` inside `position`."""
    return f"{position}/{name}[{number}]" if position else f"{name}[{number}]"


def instances(parent: Element, name: str) -> Iterator[Element]:
    """The instances of a repeat; a template, sent by some tools, is none."""
    return (node for node in children(parent, name) if node.get(_TEMPLATE) is None)


_TEMPLATE = "{http://openrosa.org/javarosa}template"
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")  # Java: 1.0E7
_Check = Callable[[str], bool]


@dataclass(slots=True)
class _Step:
    """A node of the form: its field, what may stand below it, what its answer must look like."""

    field: Field | None
    inner: dict[str, _Step] = dataclass_field(default_factory=dict)
    check: _Check | None = None
    flag: ProblemType = NOT_A_NUMBER


@lru_cache(maxsize=128)
def _plan(schema: FormSchema) -> dict[str, _Step]:
    """The form's nodes by name, level by level."""
    top = _Step(None)
    for field in schema.fields:
        holder = top
        for name in field.path[:-1]:
            holder = holder.inner[name]
        step = _Step(field)
        if field.type in ("int", "decimal"):
            step.check = _is_number
        elif field.choices is not None:
            codes = frozenset(choice.name for choice in field.choices)
            step.check = codes.__contains__ if field.type == "select1" else _all_in(codes)
            step.flag = UNKNOWN_CHOICE
        holder.inner[field.name] = step
    return top.inner


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def _all_in(codes: frozenset[str]) -> _Check:
    return lambda text: codes.issuperset(text.split())


class _Flattener:
    """Walks one instance beside the plan of its form."""

    def __init__(self, schema: FormSchema) -> None:
        self.plan = _plan(schema)
        self.rows: list[Row] = []
        self.files: dict[str, None] = {}
        self.problems: dict[tuple[str, str], Problem] = {}

    def run(self, root: Element) -> Flat:
        self._row(root, self.plan, Row("", "", None, {}))
        return Flat(tuple(self.rows), tuple(self.files), tuple(self.problems.values()))

    def _row(self, node: Element, plan: dict[str, _Step], row: Row) -> None:
        self.rows.append(row)
        strangers: list[tuple[str, str]] = []
        self._nodes(node, plan, row, "", strangers)
        for path, text in strangers:  # last: an answer that moved must not push out a present one
            self._stranger(row, path, text)

    def _nodes(
        self,
        parent: Element,
        plan: dict[str, _Step],
        row: Row,
        path: str,
        strangers: list[tuple[str, str]],
    ) -> None:
        numbers: dict[str, int] = {}
        for node in parent:
            name = local(node)
            step = plan.get(name, _UNKNOWN)
            field = step.field
            if name in META_OWN and local(parent) == "meta":
                self._meta(name, node)
            elif field is not None and field.kind == "repeat" and not _is_text(node):
                if node.get(_TEMPLATE) is None:
                    numbers[name] = number = numbers.get(name, 0) + 1
                    position = at_repeat(row.position, name, number)
                    self._row(node, step.inner, Row(field.table, position, row.position, {}))
            elif len(node):
                self._nodes(node, step.inner, row, f"{path}{name}/", strangers)
            elif _is_text(node):
                if field is None or field.kind != "value" or field.column in row.answers:
                    strangers.append((path + name, node.text or ""))
                else:
                    self._answer(row, field, step, nfc(node.text or ""))

    def _answer(self, row: Row, field: Field, step: _Step, text: str) -> None:
        if field.type != "string":
            text = text.strip()
        row.answers[field.column] = text
        if step.check is not None and not step.check(text):
            self._flag(step.flag, field.name)
        if field.type == "binary":
            self._file(text)

    def _stranger(self, row: Row, path: str, text: str) -> None:
        """Keep an answer without a place in the form: by its name, else its path, else numbered."""
        name = path.rpartition("/")[2]
        keys = chain((name, path), (f"{path}[{n}]" for n in count(2)))
        row.answers[next(key for key in keys if key not in row.answers)] = nfc(text)
        self._flag(NOT_IN_FORM, name)

    def _meta(self, name: str, node: Element) -> None:
        if name == "audit" and node.text and not node.text.isspace():
            self._file(node.text)

    def _file(self, text: str) -> None:
        name = file_name(text)
        if name is not None:
            self.files[name] = None

    def _flag(self, kind: ProblemType, field: str) -> None:
        """Once per question, however many repeats share the slip."""
        if (kind.code, field) not in self.problems:
            self.problems[kind.code, field] = kind(field=field)


_UNKNOWN = _Step(None)


def _is_text(node: Element) -> bool:
    """Holds words and nothing else: an answer, whatever the form says stands here."""
    return not len(node) and bool((node.text or "").strip())


def _encrypted_files(root: Element) -> tuple[str, ...]:
    """Names in the envelope; clients disagree on namespace and on one `media` or many."""
    nodes = [file for media in children(root, "media") for file in children(media, "file")]
    nodes += children(root, "encryptedXmlFile")
    names = (file_name(node.text or "") for node in nodes)
    return tuple(dict.fromkeys(name for name in names if name is not None))
