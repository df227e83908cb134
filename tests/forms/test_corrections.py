"""A correction is said in the answers of a form; what cannot be right is none."""

from __future__ import annotations

from datetime import date

import pytest

from forms.corrections import correction_slips, join_answers
from forms.library import load_library

LIBRARY = load_library()
TODAY = date(2026, 1, 20)
CORRECTIONS = LIBRARY.privacy.corrections
assert CORRECTIONS is not None
FIELDS = {one.column: one for one in CORRECTIONS.fields}


@pytest.mark.parametrize(
    ("text", "how", "year"),
    [("31/08/1949", "day", "1949"), ("8/1949", "month", "1949"), ("1949", "year", "1949")],
)
def test_a_birth_is_a_day_a_month_or_only_a_year(text: str, how: str, year: str) -> None:
    birth = FIELDS["birth_date"].birth
    assert birth is not None
    said = birth.read(text, TODAY)
    assert said is not None
    assert (said["birth_precision"], said["new_birth_year"]) == (how, year)
    written = birth.write(said | {"birth_year": year})
    assert written == ("08/1949" if how == "month" else text)


@pytest.mark.parametrize("text", ["31/02/1949", "13/1949", "49", "2049", "21/01/2026", "1899", "x"])
def test_what_is_no_birth_of_anybody_is_refused(text: str) -> None:
    assert FIELDS["birth_date"].said(text, TODAY) is None


def test_what_a_phone_would_compute_is_said_too_and_codes_stand_side_by_side() -> None:
    assert FIELDS["alias"].said("bà Năm", TODAY) == {"alias": "bà Năm", "new_alias": "bà Năm"}
    assert FIELDS["full_name"].said("Lê 3", TODAY) is None
    told = [FIELDS[one].answers for one in ("full_name", "sex", "phone")]
    assert join_answers(told) == {"what": "identity phone"}


def test_a_label_leaves_out_what_nobody_knows() -> None:
    assert CORRECTIONS is not None
    assert CORRECTIONS.label_of({"full_name": "Lê Sáu", "hamlet": "tổ 9"}) == "Lê Sáu · tổ 9"
    assert CORRECTIONS.called == "full_name"


def test_a_column_that_the_form_has_not_is_a_slip() -> None:
    assert CORRECTIONS is not None
    known = dict(LIBRARY.forms[CORRECTIONS.form].fields)
    assert not list(correction_slips(CORRECTIONS, {CORRECTIONS.form: known}))
    del known["new_alias"]
    assert list(correction_slips(CORRECTIONS, {CORRECTIONS.form: known})) == ["new_alias"]
