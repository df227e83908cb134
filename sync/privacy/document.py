"""A person's whole file as a PDF to hand over: the words of `in_words`, set on paper."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from forms.cells import to_text
from sync.privacy.in_words import Part

TEMPLATE = Path(__file__).with_name("person_file.typ")


@dataclass(frozen=True, slots=True)
class Cover:
    """Whose file it is, upon what it was made, when, and by whom."""

    name: str
    why: str
    made_at: datetime
    made_by: str


def to_pdf(cover: Cover, told: Sequence[Part]) -> bytes:
    """The document. The same file at the same moment gives the same bytes."""
    import typst  # only here: thirty megabytes that nobody else needs

    content = {
        "name": cover.name,
        "why": cover.why,
        "made_at": to_text(cover.made_at),
        "made_by": cover.made_by,
        "parts": [
            {
                "title": part.title._asdict(),
                "header": [one._asdict() for one in part.header[part.by :]],
                "blocks": [{"heading": heading, "rows": rows} for heading, rows in part.blocks],
            }
            for part in told
        ],
    }
    made: bytes = typst.compile(
        TEMPLATE,
        root=TEMPLATE.parent,
        sys_inputs={"data": json.dumps(content, ensure_ascii=False)},
        ignore_system_fonts=True,
        timestamp=int(cover.made_at.timestamp()),
    )
    return made
