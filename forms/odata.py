"""One submission as OData 4 in ODK Central's spelling: typed values, row ids, tables, $metadata."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from forms.tree import ROOT, Node, rows_along, safe_name, text_of, way_to
from forms.xml import Element, child

Json = Any
Point = tuple[float, float, float | None, float | None]  # lat, lon, altitude, accuracy


# ------------------------------------------------------------------ values
def value_of(text: str, kind: str, *, wkt: bool = False) -> Json:
    """An answer as JSON: numbers and places are read, all else stays text; blank is null."""
    if not text.strip():
        return None
    if kind == "int":
        return _int(text)
    if kind == "decimal":
        return _decimal(text)
    if kind == "dateTime":
        return _SHORT_OFFSET.sub(lambda m: f"{m[1]}{m[2]}:{m[3] or '00'}", text.strip())
    if kind in GEO:
        points = read_points(text)
        if points is None or (kind == "geopoint" and len(points) != 1):
            return None
        return _wkt(points, kind) if wkt else _geojson(points, kind)
    return text


GEO = {"geopoint": "Point", "geotrace": "LineString", "geoshape": "Polygon"}
_SHORT_OFFSET = re.compile(r"(T.*)([+-]\d\d):?(\d\d)?$")
_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def _int(text: str) -> int | None:
    if _WHOLE.fullmatch(text.strip()):
        return int(text)
    number = _decimal(text)  # JavaRosa writes 1.0E7 for a large one
    return int(number) if number is not None and abs(number) < 1e15 else None


def _decimal(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None  # JSON knows no infinity


def read_points(text: str) -> list[Point] | None:
    """ "lat lon alt acc; lat lon …": alt and acc may be missing, the last `;` and blanks too."""
    points = [part.split() for part in text.split(";") if part.strip()]
    read = [_point(part) for part in points]
    return [point for point in read if point] if read and all(read) else None


def _point(parts: list[str]) -> Point | None:
    numbers = [_decimal(part) for part in parts]
    if not 2 <= len(numbers) <= 4 or numbers[0] is None or numbers[1] is None:
        return None
    altitude, accuracy = (*numbers[2:], None, None)[:2]
    return numbers[0], numbers[1], altitude, accuracy


def _place(point: Point) -> list[float]:
    lat, lon, altitude, _ = point
    return [lon, lat] if altitude is None else [lon, lat, altitude]


def _geojson(points: list[Point], kind: str) -> Json:
    places = [_place(point) for point in points]
    accuracies = [point[3] for point in points]
    if kind == "geopoint":
        found: dict[str, Json] = {"type": "Point", "coordinates": places[0]}
        if accuracies[0] is not None:
            found["properties"] = {"accuracy": accuracies[0]}
        return found
    found = {"type": GEO[kind], "coordinates": [places] if kind == "geoshape" else places}
    if any(one is not None for one in accuracies):
        found["properties"] = {"accuracies": accuracies}
    return found


def _wkt(points: list[Point], kind: str) -> str:
    places = ",".join(" ".join(f"{n:.15g}" for n in _place(point)) for point in points)
    inner = f"({places})" if kind != "geoshape" else f"(({places}))"
    return f"{GEO[kind].upper()} {inner}"


# ------------------------------------------------------------------ rows
@dataclass(frozen=True, slots=True)
class Shape:
    """How rows are asked for: places as text, repeats inside their rows, only some fields."""

    wkt: bool = False
    expand: bool = False
    select: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a row stands: its id, the id of the row around it, its address in this service."""

    key: str
    parent: str | None
    link: str
    trail: str  # what its id was made of


def form_row(
    root: Node, instance_id: str, system: Mapping[str, Json], element: Element | None, shape: Shape
) -> dict[str, Json]:
    """The form's own row. No element: its answers cannot be read here, as when encrypted."""
    row: dict[str, Json] = {"__id": instance_id, "__system": dict(system)}
    if element is not None:
        row |= _group(root, element, _spot_of_form(instance_id), shape)
    return selected(row, shape.select)


def repeat_rows(
    root: Node, table: Node, instance_id: str, element: Element | None, shape: Shape
) -> Iterator[dict[str, Json]]:
    """The rows of one repeat in one submission, in the order of the document."""
    if element is None:
        return
    for steps, found in rows_along(way_to(root, table), element):
        spot = _spot_of_form(instance_id)
        for node, number in steps:
            spot = _in_group(spot, node) if number is None else _in_repeat(spot, node, number)
        yield selected(_repeat_row(root, table, found, spot, shape), shape.select)


def _spot_of_form(instance_id: str) -> Spot:
    link = f"{ROOT}('{quote(instance_id, safe='')}')"
    return Spot(instance_id, None, link, f"{ROOT}#{instance_id}")


def _in_group(spot: Spot, node: Node) -> Spot:
    link, trail = f"{spot.link}/{node.safe}", f"{spot.trail}%%{node.name}#"
    return Spot(spot.key, spot.parent, link, trail)


def _in_repeat(spot: Spot, node: Node, number: int) -> Spot:
    trail = f"{spot.trail}%%{node.name}#{number}"
    key = hashlib.sha1(trail.encode(), usedforsecurity=False).hexdigest()
    return Spot(key, spot.key, f"{spot.link}/{node.safe}('{key}')", trail)


def _repeat_row(
    root: Node, node: Node, element: Element, spot: Spot, shape: Shape
) -> dict[str, Json]:
    row = {"__id": spot.key, node.parent_key: spot.parent}
    return row | _group(root, element, spot, shape, node)


def _group(
    root: Node, element: Element | None, spot: Spot, shape: Shape, holder: Node | None = None
) -> dict[str, Json]:
    """Every known field, null where there is no answer."""
    row: dict[str, Json] = {}
    for node in (holder or root).children():
        if node.kind == "value":
            row[node.safe] = value_of(text_of(element, node), node.type, wkt=shape.wkt)
        elif node.kind == "group":
            hidden = element is None or node.withheld
            inner = None if hidden or element is None else child(element, node.name)
            row[node.safe] = _group(root, inner, _in_group(spot, node), shape, node)
        elif not shape.expand:
            row[f"{node.safe}@odata.navigationLink"] = f"{spot.link}/{node.safe}"
        else:
            shown = () if element is None else rows_along((node,), element)
            row[node.safe] = [
                _repeat_row(root, node, found, _in_repeat(spot, node, steps[0][1] or 0), shape)
                for steps, found in shown
            ]
    return row


def selected(row: dict[str, Json], select: Collection[str] | None) -> dict[str, Json]:
    """Only what was asked for: "a", or "g/a" of a group; `__id` only if it was."""
    if select is None:
        return row
    found: dict[str, Json] = {}
    for name, value in row.items():
        if name in select or name.removesuffix("@odata.navigationLink") in select:
            found[name] = value
        elif isinstance(value, dict):
            below = {one[len(name) + 1 :] for one in select if one.startswith(f"{name}/")}
            if below:
                found[name] = selected(value, below)
    return found


def names_of(root: Node, holder: Node) -> frozenset[str]:
    """Everything $select may name in a table."""
    own = {"__id", "__system", *(f"__system/{name}" for name in SYSTEM)}
    if holder is not root:
        own = {"__id", holder.parent_key}
    return frozenset(own | set(_names(holder, "")))


def _names(holder: Node, before: str) -> Iterator[str]:
    for node in holder.children():
        yield before + node.safe
        if node.kind == "group":
            yield from _names(node, f"{before}{node.safe}/")


# ------------------------------------------------------------------ documents
SYSTEM = {
    "submissionDate": "Edm.DateTimeOffset",
    "updatedAt": "Edm.DateTimeOffset",
    "deletedAt": "Edm.DateTimeOffset",
    "submitterId": "Edm.String",
    "submitterName": "Edm.String",
    "attachmentsPresent": "Edm.Int64",
    "attachmentsExpected": "Edm.Int64",
    "status": "org.opendatakit.submission.Status",
    "reviewState": "org.opendatakit.submission.ReviewState",
    "deviceId": "Edm.String",
    "edits": "Edm.Int64",
    "formVersion": "Edm.String",
}
_TYPES = {
    "int": "Edm.Int64",
    "decimal": "Edm.Decimal",
    "boolean": "Edm.Boolean",
    "geopoint": "Edm.GeographyPoint",
    "geotrace": "Edm.GeographyLineString",
    "geoshape": "Edm.GeographyPolygon",
    "date": "Edm.Date",
    "dateTime": "Edm.DateTimeOffset",
}


def service_document(root: Node, context: str) -> Json:
    """The tables there are."""
    names = [ROOT, *(node.table for node in root.repeats())]
    return {
        "@odata.context": context,
        "value": [{"name": name, "kind": "EntitySet", "url": name} for name in names],
    }


def metadata(root: Node, xml_form_id: str) -> str:
    """The document that says which fields each table has."""
    user = f"org.opendatakit.user.{safe_name(xml_form_id)}"
    types = [_entity_type(root, root, user)]
    types += [_entity_type(root, node, user) for node in root.repeats()]
    types += [_complex_type(node, user) for node in _groups(root)]
    sets = "".join(
        f'<EntitySet Name={quoteattr(node.table)} EntityType="{user}.{node.table}"/>'
        for node in (root, *root.repeats())
    )
    container = f'<EntityContainer Name="{safe_name(xml_form_id)}">{sets}</EntityContainer>'
    return _document(_submission_types(), "submission", user, "".join(types) + container)


def document(list_name: str, table: str, system: str, columns: str) -> str:
    """The same of an entity list: one table; `system` and `columns` are Property elements."""
    name = safe_name(list_name)
    user = f"org.opendatakit.user.{name}"
    kind = (
        f'<EntityType Name="{table}"><Key><PropertyRef Name="__id"/></Key>{columns}'
        '<Property Name="__system" Type="org.opendatakit.entity.metadata"/></EntityType>'
        f'<EntityContainer Name="{name}"><EntitySet Name="{table}" EntityType="{user}.{table}"/>'
        "</EntityContainer>"
    )
    return _document(f'<ComplexType Name="metadata">{system}</ComplexType>', "entity", user, kind)


def _document(own: str, of: str, user: str, types: str) -> str:
    edm = "http://docs.oasis-open.org/odata/ns/edm"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">'
        f'<edmx:DataServices><Schema xmlns="{edm}" Namespace="org.opendatakit.{of}">{own}</Schema>'
        f'<Schema xmlns="{edm}" Namespace="{user}">{types}</Schema>'
        "</edmx:DataServices></edmx:Edmx>\n"
    )


def _submission_types() -> str:
    system = "".join(f'<Property Name="{name}" Type="{kind}"/>' for name, kind in SYSTEM.items())
    status = _enum("Status", ("notDecrypted", "missingEncryptedFormData"))
    review = _enum("ReviewState", ("hasIssues", "edited", "rejected", "approved"))
    return f'<ComplexType Name="metadata">{system}</ComplexType>{status}{review}'


def _enum(name: str, members: Collection[str]) -> str:
    inner = "".join(f'<Member Name="{member}"/>' for member in members)
    return f'<EnumType Name="{name}">{inner}</EnumType>'


def _entity_type(root: Node, node: Node, user: str) -> str:
    own = '<Property Name="__system" Type="org.opendatakit.submission.metadata"/>'
    if node is not root:
        own = f'<Property Name="{node.parent_key}" Type="Edm.String"/>'
    return (
        f'<EntityType Name="{node.table}"><Key><PropertyRef Name="__id"/></Key>'
        f'<Property Name="__id" Type="Edm.String"/>{own}{_properties(node, user)}</EntityType>'
    )


def _complex_type(node: Node, user: str) -> str:
    return f'<ComplexType Name="{_dotted(node)}">{_properties(node, user)}</ComplexType>'


def _properties(holder: Node, user: str) -> str:
    found = []
    for node in holder.children():
        if node.kind == "repeat":
            kind = f"Collection({user}.{node.table})"
            found.append(f'<NavigationProperty Name="{node.safe}" Type="{kind}"/>')
        else:
            kind = _TYPES.get(node.type, "Edm.String")
            kind = f"{user}.{_dotted(node)}" if node.kind == "group" else kind
            found.append(f'<Property Name="{node.safe}" Type="{kind}"/>')
    return "".join(found)


def _dotted(group: Node) -> str:
    return group.table.removeprefix(f"{ROOT}.")


def _groups(holder: Node) -> Iterator[Node]:
    for node in holder.children():
        if node.kind == "group":
            yield node
        if node.kind != "value":
            yield from _groups(node)
