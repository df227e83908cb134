"""What one version of a form asks: fields, repeats, choices, files it needs, entities it makes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count
from typing import Literal

from lxml import etree

from forms.problems import NO_FORM_ID, NOT_XFORM, Refused
from forms.text import nfc
from forms.xml import Element, child, children, local, parse

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
    is_note       a text that is only shown (read-only, nothing computed): it never has an answer
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
    is_note: bool = False


@dataclass(frozen=True, slots=True)
class Save:
    """The answer at `path` (below the form's root) becomes this property of the entity."""

    path: tuple[str, ...]
    property: str


@dataclass(frozen=True, slots=True)
class EntityDeclaration:
    """Entities a form makes or changes.

    path     of the container below the root: () = the whole form, ("tree",) = a repeat or group
    creates, updates   what the form may ask for; the submission says what it does ask for
    saves    the container's questions that become properties
    """

    list_name: str
    path: tuple[str, ...]
    creates: bool
    updates: bool
    saves: tuple[Save, ...]


@dataclass(frozen=True, slots=True)
class Media:
    """A file the form needs: a CSV that feeds an instance, or any other file."""

    filename: str
    kind: Literal["csv", "file"]


@dataclass(frozen=True, eq=False)  # two are equal when they are the same: hashable, to be cached by
class FormSchema:
    """A form version as fields. `languages` as the form writes them, the default one first.

    meta: which of what a phone itself writes about a filled-in form this form has room for.
    """

    xml_form_id: str
    version: str
    title: str
    languages: tuple[str, ...]
    fields: tuple[Field, ...]
    entities: tuple[EntityDeclaration, ...]
    media: tuple[Media, ...]
    meta: tuple[str, ...] = ()

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """The form itself, "", then its repeats in order: ("", "supplies", "a", "a/b")."""
        return ("", *(field.table for field in self.fields if field.kind == "repeat"))

    @cached_property
    def repeats(self) -> frozenset[tuple[str, ...]]:
        """Paths of the repeats."""
        return frozenset(field.path for field in self.fields if field.kind == "repeat")

    def columns(self, table: str = "") -> tuple[Field, ...]:
        """The value fields of one table, in the form's order."""
        return self._columns.get(table, ())

    @cached_property
    def _columns(self) -> dict[str, tuple[Field, ...]]:
        found: dict[str, list[Field]] = {}
        for field in self.fields:
            if field.kind == "value":
                found.setdefault(field.table, []).append(field)
        return {table: tuple(fields) for table, fields in found.items()}


def in_language(labels: Mapping[str, str], language: str) -> str | None:
    """The label in "vi" (also written "Tiếng Việt (vi)"); else the first there is; else None."""
    for written, label in labels.items():
        if written == language or written.endswith(f"({language})"):
            return label
    return next(iter(labels.values()), None)


def read_schema(xform: bytes) -> FormSchema:
    """Read an XForm (pyxform's or hand-made); Refused(NOT_XML, NOT_XFORM, NO_FORM_ID, ...)."""
    html = parse(xform)
    model = next(html.iter("{*}model"), None)
    primary = None if model is None else _primary_instance(model)
    if model is None or primary is None:
        raise Refused(NOT_XFORM())
    xml_form_id = (primary.get("id") or "").strip()
    if not xml_form_id:
        raise Refused(NO_FORM_ID())
    source = _Source(html, model, primary)
    title = next(html.iter("{*}title"), None)
    meta = next(children(primary, "meta"), etree.Element("meta"))
    return FormSchema(
        xml_form_id=xml_form_id,
        version=primary.get("version") or "",
        title=_words(title) or xml_form_id,
        languages=source.itext.languages or (DEFAULT,),
        fields=tuple(_Walk(source).fields),
        entities=tuple(_declarations(source)),
        media=tuple(_media(html, model)),
        meta=tuple(local(node) for node in meta.iterchildren(tag=etree.Element)),
    )


def _primary_instance(model: Element) -> Element | None:
    """The first child of the first instance: later ones are lists."""
    instance = child(model, "instance")
    return None if instance is None else next(instance.iterchildren(tag=etree.Element), None)


Path = tuple[str, ...]
# Of `meta` only what a person or a phone may have answered; the rest has its own place in Instance.
META_OWN = frozenset({"instanceID", "instanceName", "deprecatedID", "audit", "entity"})
_TYPES = {"select1": "select1", "select": "select", "rank": "rank", "upload": "binary"}
_SELECTS = ("select1", "select", "rank")
_CONTROLS = frozenset({*_TYPES, "input", "secret", "trigger", "range", "group"})
_INSTANCE = re.compile(r"""instance\(\s*['"]([^'"]+)['"]\s*\)""")
_SEARCH = re.compile(r"""search\(\s*['"]([^'"]+)['"]""")
_ITEXT = re.compile(r"""jr:itext\(\s*(?:['"]([^'"]+)['"]|([\w.-]+))\s*\)""")


@dataclass(frozen=True, slots=True)
class _Bind:
    type: str
    save_to: str | None
    says_only: bool


class _Itext:
    """Texts by id, each in every language of the form; the default language first."""

    def __init__(self, model: Element) -> None:
        self._texts: dict[str, dict[str, str]] = {}
        translations = list(model.iterfind("{*}itext/{*}translation"))
        translations.sort(key=lambda t: not (t.get("default") or "").startswith("true"))
        self.languages = tuple(dict.fromkeys(t.get("lang") or DEFAULT for t in translations))
        for translation in translations:
            for text in children(translation, "text"):
                self._read(translation.get("lang") or DEFAULT, text)

    def _read(self, language: str, text: Element) -> None:
        plain = next((v for v in children(text, "value") if v.get("form") is None), None)
        words = _words(plain)
        if words:
            self._texts.setdefault(text.get("id") or "", {})[language] = words

    def labels(self, node: Element | None, item: Element | None = None) -> dict[str, str]:
        """Labels of a `label` element: by reference, or the words it holds."""
        if node is None:
            return {}
        reference = _ITEXT.search(node.get("ref") or "")
        if reference is None:
            words = _words(node)
            return {DEFAULT: words} if words else {}
        if reference[1] is not None:
            return self._texts.get(reference[1], {})
        return self.by_id(item, reference[2])

    def by_id(self, item: Element | None, name: str) -> dict[str, str]:
        """Labels of a list item that names its text in its child `name`."""
        holder = None if item is None else child(item, name)
        return {} if holder is None else self._texts.get((holder.text or "").strip(), {})


class _Source:
    """An XForm's parts by path: binds, body controls, secondary instances, texts."""

    def __init__(self, html: Element, model: Element, primary: Element) -> None:
        self.primary = primary
        self.root = local(primary)
        self.itext = _Itext(model)
        self.instances = {i.get("id") or "": i for i in children(model, "instance")}
        self._by_bind_id: dict[str, Path] = {}
        self.binds: dict[Path, _Bind] = {}
        for bind in model.iter("{*}bind"):
            self._read_bind(bind)
        self.controls: dict[Path, Element] = {}
        self.repeats: set[Path] = set()
        body = child(html, "body")
        if body is not None:
            self._read_body(body, ())
        self._lists: dict[tuple[str, str, str], tuple[Choice, ...]] = {}

    def _read_bind(self, bind: Element) -> None:
        path = self.resolve(bind.get("nodeset") or "", ())
        self._by_bind_id[bind.get("id") or ""] = path
        save_to = bind.get("{http://www.opendatakit.org/xforms/entities}saveto")
        kind = (bind.get("type") or "string").rpartition(":")[2]
        says_only = bind.get("readonly") == "true()" and bind.get("calculate") is None
        self.binds[path] = _Bind(kind, save_to, says_only)

    def _read_body(self, node: Element, context: Path) -> None:
        for control in node.iterchildren(tag=etree.Element):
            name = local(control)
            if name == "repeat":
                path = self.resolve(control.get("nodeset") or "", context)
                self.repeats.add(path)
                if node.get("ref") is None:  # older forms put the label on a group without address
                    self.controls.setdefault(path, node)
                self._read_body(control, path)
            elif name in _CONTROLS:
                path = self._path_of(control, context)
                self.controls.setdefault(path, control)
                if name == "group":
                    self._read_body(control, path)

    def _path_of(self, control: Element, context: Path) -> Path:
        if control.get("bind") is not None:  # plain XForms point at a bind instead of a node
            return self._by_bind_id.get(control.get("bind") or "", context)
        return self.resolve(control.get("ref") or control.get("nodeset") or "", context)

    def resolve(self, reference: str, context: Path) -> Path:
        """Names below the root of "/data/g/x", "g/x" or "../x", seen from `context`."""
        reference = reference.strip()
        absolute = reference.startswith("/")
        path = [] if absolute else list(context)
        for step in filter(None, reference.split("/")):
            if step == "..":
                del path[-1:]
            elif step != ".":
                path.append(step.rpartition(":")[2])
        return tuple(path[1:] if absolute else path)

    def choices(self, control: Element) -> tuple[tuple[Choice, ...] | None, str | None]:
        """The choices a select offers, or the id of the file they come from."""
        search = _SEARCH.search(control.get("appearance") or "")
        if search is not None:  # the items written in the form are the file's column names
            return None, search[1].removesuffix(".csv")
        itemset = child(control, "itemset")
        if itemset is None:
            return self._items(list(children(control, "item")), "value", child), None
        name = _INSTANCE.search(itemset.get("nodeset") or "")
        if name is None:  # choices are answers of a repeat
            return None, None
        instance = self.instances.get(name[1])
        if instance is None or instance.get("src"):
            return None, name[1]
        return self._list(name[1], instance, itemset), None

    def _list(self, name: str, instance: Element, itemset: Element) -> tuple[Choice, ...]:
        value, label = child(itemset, "value"), child(itemset, "label")
        value_ref = ("name" if value is None else value.get("ref")) or "name"
        label_ref = ("label" if label is None else label.get("ref")) or "label"
        key = (name, value_ref, label_ref)
        if key not in self._lists:  # many questions share one list
            items = list(instance.iter("{*}item"))
            if _ITEXT.search(label_ref):
                self._lists[key] = self._items(items, value_ref, lambda i, _: label)
            else:
                self._lists[key] = self._items(items, value_ref, lambda i, _: child(i, label_ref))
        return self._lists[key]

    def _items(
        self, items: list[Element], value: str, label: Callable[[Element, str], Element | None]
    ) -> tuple[Choice, ...]:
        found: dict[str, Choice] = {}
        for item in items:
            code = _words(child(item, value))
            if code and code not in found:
                found[code] = Choice(code, self.itext.labels(label(item, "label"), item))
        return tuple(found.values())


class _Walk:
    """The primary instance, node by node, into fields with a table and a column."""

    def __init__(self, source: _Source) -> None:
        self.source = source
        self.fields: list[Field] = []
        self._taken: dict[str, set[str]] = {}  # table → columns in use
        self._nodes(source.primary, (), "", ())

    def _nodes(self, parent: Element, path: Path, table: str, table_path: Path) -> None:
        seen: set[str] = set()
        nodes = list(parent.iterchildren(tag=etree.Element))
        if path == table_path:  # its own questions have first claim to their plain names
            self._taken[table] = {local(n) for n in nodes if not len(n)}
        for node in nodes:
            name = local(node)
            below = (*path, name)
            if name in seen or (path[-1:] == ("meta",) and name in META_OWN):
                continue  # the second of jr:template and first instance; or not a question
            seen.add(name)
            if below in self.source.repeats:
                self._repeat(node, below, table, table_path)
            elif len(node) or self._is_empty_group(below):
                self._group(node, below, table, table_path)
            else:
                self._value(below, table, table_path)

    def _is_empty_group(self, path: Path) -> bool:
        control = self.source.controls.get(path)
        return control is not None and local(control) == "group"

    def _repeat(self, node: Element, path: Path, table: str, table_path: Path) -> None:
        opened = self._table(path, table)
        self._add(path, "repeat", "", opened, path[-1])
        self._nodes(node, path, opened, path)

    def _group(self, node: Element, path: Path, table: str, table_path: Path) -> None:
        if path[-1] == "meta" and all(local(n) in META_OWN for n in node):
            return
        self._add(path, "group", "", table, path[-1])
        self._nodes(node, path, table, table_path)

    def _value(self, path: Path, table: str, table_path: Path) -> None:
        bind = self.source.binds.get(path)
        control = self.source.controls.get(path)
        kind = _TYPES.get("" if control is None else local(control))
        own = len(path) == len(table_path) + 1
        column = path[-1] if own else self._column(path, table, table_path)
        self._add(path, "value", kind or (bind.type if bind else "string"), table, column)

    def _column(self, path: Path, table: str, table_path: Path) -> str:
        """The plain name if free in this table, else "group/name"."""
        taken = self._taken[table]
        name = path[-1] if path[-1] not in taken else "/".join(path[len(table_path) :])
        taken.add(name)
        return name

    def _table(self, path: Path, parent: str) -> str:
        """The repeat's name below its parent's; with its groups when two would share a name."""
        plain, full = f"{parent}/{path[-1]}".strip("/"), "/".join(path)
        names = chain((plain, full), (f"{full}_{n}" for n in count(2)))
        return next(name for name in names if name not in self._taken)

    def _add(
        self,
        path: Path,
        kind: Literal["value", "group", "repeat"],
        kind_of_value: str,
        table: str,
        column: str,
    ) -> None:
        control = self.source.controls.get(path)
        label = None if control is None else child(control, "label")
        choices, file = None, None
        if control is not None and kind_of_value in _SELECTS:
            choices, file = self.source.choices(control)
        labels = self.source.itext.labels(label)
        bind = self.source.binds.get(path)
        is_note = kind_of_value == "string" and bind is not None and bind.says_only
        self.fields.append(
            Field(
                path, path[-1], kind, kind_of_value, labels, choices, file, table, column, is_note
            )
        )


def _words(node: Element | None) -> str:
    """An element's words, spaces collapsed, an <output value="/data/x"/> as ${x}."""
    if node is None:
        return ""
    parts = [node.text or ""]
    for inner in node:
        parts.append("${" + (inner.get("value") or "").strip().rpartition("/")[2] + "}")
        parts.append(inner.tail or "")
    return " ".join(nfc("".join(parts)).split())


def _declarations(source: _Source) -> Iterator[EntityDeclaration]:
    containers: dict[Path, Element] = {}
    _find_entities(source.primary, (), containers)
    saves: dict[Path, list[Save]] = {path: [] for path in containers}
    for path, bind in source.binds.items():
        owner = next((path[:n] for n in range(len(path) - 1, -1, -1) if path[:n] in saves), None)
        if bind.save_to and owner is not None:  # the nearest container around the question
            saves[owner].append(Save(path, bind.save_to))
    for path, entity in containers.items():
        yield EntityDeclaration(
            list_name=(entity.get("dataset") or "").strip(),
            path=path,
            creates=entity.get("create") is not None,
            updates=entity.get("update") is not None,
            saves=tuple(saves[path]),
        )


def _find_entities(node: Element, path: Path, found: dict[Path, Element]) -> None:
    """Containers by path: the nodes that have meta/entity[@dataset] right below."""
    for meta in children(node, "meta"):
        for entity in children(meta, "entity"):
            if entity.get("dataset") is not None:
                found.setdefault(path, entity)
    for inner in node.iterchildren(tag=etree.Element):
        if len(inner) and local(inner) != "meta":
            _find_entities(inner, (*path, local(inner)), found)


def _media(html: Element, model: Element) -> Iterator[Media]:
    """Files the form needs, once each: lists first, then pictures and sounds of labels."""
    sources = [i.get("src") for i in children(model, "instance")]
    sources += [v.text for v in model.iterfind("{*}itext//{*}value[@form]")]
    sources += [f"jr://file-csv/{name}" for name in _searched(html)]
    seen: set[str] = set()
    for source in sources:
        filename = _file_of(source or "")
        if filename and filename not in seen:
            seen.add(filename)
            yield Media(filename, "csv" if filename.lower().endswith(".csv") else "file")


def _file_of(source: str) -> str | None:
    """ "jr://file-csv/members.csv" → "members.csv"; other addresses name no file."""
    source = source.strip()  # not NFC: the phone asks for the file by the form's own spelling
    if not source.startswith("jr://") or source.startswith("jr://instance/"):
        return None  # jr://instance/last-saved is the phone's own
    return source.rpartition("/")[2] or None


def _searched(html: Element) -> Iterator[str]:
    """CSV files that only an appearance, search('fruits'), or an external select names."""
    for control in html.iter("{*}select1", "{*}select", "{*}input"):
        search = _SEARCH.search(control.get("appearance") or "")
        if search:
            yield search[1] if search[1].endswith(".csv") else f"{search[1]}.csv"
        if control.get("query"):
            yield "itemsets.csv"
