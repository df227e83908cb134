"""A ready XForm: what a phone reads of it first, and what would keep it from opening."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from forms import form_problems as fp
from forms.expressions import expression_problems
from forms.form_problems import FormRefused
from forms.problems import NOT_XML, XML_TOO_DEEP, Problem, Refused, Where
from forms.xml import Element, child, children, parse

ENTITIES = "http://www.opendatakit.org/xforms/entities"
ENTITIES_VERSIONS = ("2022.1", "2023.1", "2024.1", "2025.1")
ENTITIES_OF_2026 = "2025.1"  # Collect opens it since v2026, KoboCollect 2025.3 does not


@dataclass(frozen=True, slots=True)
class Head:
    """The identity of an XForm as a phone reads it."""

    xml_form_id: str
    version: str
    title: str
    problems: tuple[Problem, ...]  # warnings only


def read_head(xform: bytes) -> Head:
    """Id, version and title; FormRefused when phones could not open it (protocol §3.1)."""
    try:
        root = parse(xform)
    except Refused as refused:
        if refused.problem.type is XML_TOO_DEEP:
            raise FormRefused((fp.TOO_DEEP(),)) from refused
        said = "" if refused.problem.type is NOT_XML else refused.problem.en
        raise FormRefused((fp.XFORM_NOT_XML(said=said),)) from refused
    model = _part(child(root, "head"), "model", "h:head/model")
    _part(root, "body", "h:body")
    instance = _part(model, "instance", "instance")
    data = next((node for node in instance.iterchildren() if node.get("id")), None)
    if data is None:
        raise FormRefused((fp.XFORM_NOT_A_FORM(_line(instance), part="id"),))
    title = _text(child(root, "head"), "title")
    problems = [*_entities_version(model), *_elsewhere(model), *_expressions(model)]
    if not title:
        problems.append(fp.XFORM_NO_TITLE())
    if any(problem.status for problem in problems):
        raise FormRefused(tuple(problems))
    version = data.get("version", "").strip()
    return Head(data.get("id", ""), version, title, tuple(problems))


def _part(parent: Element | None, name: str, part: str) -> Element:
    found = child(parent, name) if parent is not None else None
    if found is None:
        raise FormRefused((fp.XFORM_NOT_A_FORM(part=part),))
    return found


def _text(parent: Element | None, name: str) -> str:
    node = child(parent, name) if parent is not None else None
    return (node.text or "").strip() if node is not None else ""


def _entities_version(model: Element) -> Iterator[Problem]:
    version = model.get(f"{{{ENTITIES}}}entities-version")
    if version is not None and not version.startswith(ENTITIES_VERSIONS):
        yield fp.XFORM_ENTITIES_VERSION(_line(model), version=version)
    elif version is not None and version.startswith(ENTITIES_OF_2026):
        yield fp.ENTITIES_TOO_NEW(_line(model), version=version)


def _elsewhere(model: Element) -> Iterator[Problem]:
    """A form may name another server to send to, and phones obey it."""
    submission = child(model, "submission")
    if submission is not None and submission.get("action"):
        yield fp.SUBMISSION_URL(_line(submission), url=submission.get("action"))


def _expressions(model: Element) -> Iterator[Problem]:
    for bind in children(model, "bind"):
        for name in ("relevant", "constraint", "calculate", "required", "readonly"):
            text = bind.get(name)
            if text:
                yield from expression_problems(text, name, _line(bind))


def _line(node: Element) -> Where:
    line = node.sourceline
    return Where(row=line if isinstance(line, int) else None)
