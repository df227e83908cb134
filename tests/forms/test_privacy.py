"""What the library says of personal data is read, or refused with the word that is wrong."""

from __future__ import annotations

import pytest

from forms.privacy import read_privacy

PEOPLE = {"person": {"list": "people"}}


def test_the_log_is_kept_for_as_long_as_it_says_but_two_years_at_least() -> None:
    assert read_privacy(PEOPLE).log_months is None
    assert read_privacy(PEOPLE | {"log": {"months": 24}}).log_months == 24
    with pytest.raises(ValueError, match="months 23 < 24"):
        read_privacy(PEOPLE | {"log": {"months": 23}})
