"""The closed list of kinds a field may be of."""

from __future__ import annotations

from collections.abc import Mapping

from forms.matching.births import BIRTH
from forms.matching.contacts import PHONES, PLACES
from forms.matching.kind import Kind
from forms.matching.names import PERSON_NAME
from forms.matching.numbers import NUMBERS
from forms.matching.plain import CODES, TEXTS

KINDS: Mapping[str, Kind] = {
    "person_name": PERSON_NAME,
    "text": TEXTS,
    "code": CODES,
    "birth": BIRTH,
    "phone": PHONES,
    "number": NUMBERS,
    "place": PLACES,
}
