"""A form filled in by the server for a person at a page: the XML a phone would have sent."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from forms.schema import FormSchema
from forms.xml import Element


def fill_in(
    schema: FormSchema,
    answers: Mapping[str, str],
    instance_id: str,
    update: tuple[str, str, int] | None = None,
    label: str | None = None,
) -> bytes:
    """The form with these answers, by column, and no others: what is not asked changes nothing.

    update: list, uuid and version of the entity that it changes, where the form changes one;
    label: what that is called from now on, where it is called otherwise.
    """
    root = etree.Element("data", {"id": schema.xml_form_id, "version": schema.version})
    for field in schema.columns():
        if field.column in answers:
            _node(root, field.path).text = answers[field.column]
    meta = etree.SubElement(root, "meta")
    etree.SubElement(meta, "instanceID").text = instance_id
    if update is not None:
        name, uuid, version = update
        asked = {"dataset": name, "id": uuid, "update": "1", "baseVersion": str(version)}
        entity = etree.SubElement(meta, "entity", asked)
        if label is not None:
            etree.SubElement(entity, "label").text = label
    return etree.tostring(root, encoding="utf-8")


def _node(parent: Element, path: tuple[str, ...]) -> Element:
    for name in path:
        found = next((one for one in parent if one.tag == name), None)
        parent = etree.SubElement(parent, name) if found is None else found
    return parent
