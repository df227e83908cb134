"""Whatever the OpenAPI document allows or forbids, no answer is 5xx or other than it says.

Each operation once rightly and once wrongly here; hundreds of times by `make bench ARGS=api`.
"""

from __future__ import annotations

from tests.server import asking
from tests.server.conftest import Door


def test_no_operation_fails_or_answers_what_is_not_announced(door: Door) -> None:
    furnished = asking.furnish(door)
    slips = [f"{label}\n{said}" for label, said in asking.ask_all(furnished, 1, strangely=False)]
    assert not slips, "\n\n".join(slips)
    assert not list(asking.ask_with_nul(furnished))
