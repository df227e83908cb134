"""Whether the phones that fill in a form may have the entity lists it uses."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from forms.form_problems import LIST_FOR_NOBODY, LIST_NOT_FOR_ROLE
from forms.problems import Problem
from forms.schema import FormSchema, Media

if TYPE_CHECKING:
    from forms.library import Library


def attached_list(media: Media, lists: Collection[str]) -> str | None:
    """The entity list that a form's file is served from; None for an ordinary file."""
    name = media.filename.removesuffix(".csv")
    return name if media.kind == "csv" and name in lists else None


def known_lists(library: Library, schema: FormSchema) -> set[str]:
    """The lists that are known without a database: the library's, and those of the form itself."""
    return {*library.lists, *(declaration.list_name for declaration in schema.entities)}


def list_problems(
    schema: FormSchema, library: Library, lists: Collection[str]
) -> Iterator[Problem]:
    """One for each list among `lists` that a phone would ask for and be refused.

    Such a form installs on the phone without its list, and the volunteer sees an empty question.
    A list that the form only makes is not asked for.
    """
    rule = library.rules.get(schema.xml_form_id)
    roles = rule.filled_by if rule else ()
    for media in schema.media:
        name = attached_list(media, lists)
        if name is None:
            continue
        downloads = library.lists[name].downloads if name in library.lists else {}
        without = [role for role in roles if role not in downloads]
        if not downloads:
            yield LIST_FOR_NOBODY(list=name, file=media.filename)
        elif without:
            entries = ", ".join(f"[{name}.download.{role}]" for role in without)
            said = ", ".join(without)
            yield LIST_NOT_FOR_ROLE(list=name, file=media.filename, roles=said, entries=entries)
