"""FormSchema + Instance to what the submission wants changed in entity lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from forms.instance import Instance
from forms.problems import Problem
from forms.schema import FormSchema


@dataclass(frozen=True, slots=True)
class EntityChange:
    """One wish of one submission. `dataclasses.asdict` makes it JSON, `EntityChange(**d)` undoes it.

    uuid          lower case, without "uuid:"
    action        "upsert" = create and update are both asked for
    label         None = keep what is there
    data          property → text; a property not asked (node absent) has no key, an emptied one ""
    base_version, trunk_version, branch_id   None = not given (blank on the wire)
    position      of the repeat instance it came from, as in flatten; "" = the form itself
    """

    list_name: str
    uuid: str
    action: Literal["create", "update", "upsert"]
    label: str | None
    data: dict[str, str]
    base_version: int | None
    trunk_version: int | None
    branch_id: str | None
    position: str


def entity_changes(
    schema: FormSchema, instance: Instance
) -> tuple[tuple[EntityChange, ...], tuple[Problem, ...]]:
    """The changes in document order, and flags for those that cannot be understood."""
    raise NotImplementedError
