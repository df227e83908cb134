"""A library's roles, each with the verbs it has; what is not written is not allowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forms.indicators import PLACES

# What somebody may be allowed to do; the code asks for these and no others.
VERBS: Mapping[str, str] = {
    "form.list": "download forms, with their files and lists",
    "submission.create": "send filled-in forms",
    "submission.review": "judge, delete and restore submissions it may read whole",
    "entities.read": "see the entity lists that name it, as lists.toml says",
    "entity.write": "change entities it sees",
    "other_forms.read": "read submissions and entity lists that the library does not know",
    "pairs.decide": "say of two who may be one that they are, or are not",
    "identity.reveal": "see a masked number whole, with a reason that is written down",
    "figures.read": "see figures as they are now",
    "small_cells.read": "see numbers of so few people that one might be told",
    "reports.read": "see reports",
    "reports.send": "send a report, and open it again",
    "reports.pass_on": "say that a sent report was passed on",
    "places.manage": "say where clubs are",
    "audit.read": "see who did what",
    "privacy.manage": "work on what people ask about their data",
    "privacy.correct": "correct an entry it sees, upon the person's request",
    "forms.manage": "publish and close forms",
    "users.manage": "add people",
    "phones.manage": "add phones",
    "work.read": "see how the server is doing",
    "work.manage": "have failed work done again",
}
# No verb of a role, forms.toml says who reads which form; but a token may be made without it.
READ_SUBMISSIONS = "submissions.read"
OF_PHONES = frozenset({"form.list", "submission.create"})  # a token in a URL gives no more


@dataclass(frozen=True, slots=True)
class Role:
    """`everywhere`: who is of this role and bound to no unit and no club reaches every club.
    `confirms`: the level of the places for which it confirms reports.
    """

    name: str
    vi: str
    en: str
    verbs: frozenset[str]
    everywhere: bool = False
    confirms: str = ""

    @property
    def has_phone(self) -> bool:
        return self.verbs >= OF_PHONES


def read_role(name: str, entry: Mapping[str, Any]) -> Role:
    """One [role] table of roles.toml. KeyError, TypeError where a word is missing or misshapen."""
    label = entry["label"]
    return Role(
        name,
        str(label["vi"]),
        str(label["en"]),
        frozenset(map(str, entry["verbs"])),
        bool(entry.get("everywhere", False)),
        str(entry.get("confirms", "")),
    )


def role_slips(role: Role) -> Iterator[tuple[str, str]]:
    """Verbs that nothing asks for: a slip of the hand, which would shut or open a door."""
    for verb in sorted(role.verbs - set(VERBS)):
        yield f"không có quyền “{verb}”", f"there is no verb “{verb}”"
    if role.confirms and role.confirms not in PLACES:
        yield f"không có cấp “{role.confirms}”", f"there is no level “{role.confirms}”"
