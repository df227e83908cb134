"""forms/odata_filter.py: what may be asked, and that nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from forms.odata_filter import (
    Both,
    Comparison,
    Condition,
    FieldName,
    Literal,
    Not,
    Order,
    Part,
    fields_in,
    read_filter,
    read_order,
)
from forms.problems import Refused

NOW = datetime(2026, 1, 20, 3, 0, tzinfo=UTC)
FIELDS = {"__id", "__system/submissionDate", "__system/reviewState"}
SENT, STATE = FieldName("__system/submissionDate"), FieldName("__system/reviewState")


def read(text: str) -> Condition:
    return read_filter(text, FIELDS, NOW)


def code(text: str) -> str:
    with pytest.raises(Refused) as refused:
        read(text)
    return refused.value.problem.code


def test_b106_a_time_is_compared() -> None:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    for text in ("2026-01-01T00:00:00Z", "2026-01-01", "2026-01-01T07:00:00.000+07:00"):
        assert read(f"__system/submissionDate gt {text}") == Comparison("gt", SENT, Literal(day))


def test_a_plus_that_became_a_blank_on_the_way_is_a_plus() -> None:
    found = read("__system/submissionDate gt 2026-01-01T07:00:00 07:00")
    assert found == Comparison("gt", SENT, Literal(datetime(2026, 1, 1, tzinfo=UTC)))


def test_and_binds_before_or_and_not_before_both() -> None:
    one = Comparison("eq", STATE, Literal(None))
    text = "__system/reviewState eq null"
    assert read(f"not {text} or {text} and {text}") == Both(
        "or", (Not(one), Both("and", (one, one)))
    )
    assert read(f"not ({text} or {text}) and {text}") == Both(
        "and", (Not(Both("or", (one, one))), one)
    )


def test_functions_take_a_field_or_now() -> None:
    found = read("year(__system/submissionDate) eq year(now())")
    assert found == Comparison("eq", Part("year", SENT), Literal(2026))
    assert list(fields_in(found)) == ["__system/submissionDate"]


def test_repeats_speak_of_the_form_with_root() -> None:
    found = read("$root/Submissions/__system/reviewState eq 'it''s'")
    assert found == Comparison("eq", STATE, Literal("it's"))


@pytest.mark.parametrize("text", ["age gt 3", "__system/nothing eq 1", "__import__ eq 1"])
def test_b106_an_unknown_field_is_501(text: str) -> None:
    assert code(text) == "unknown_filter_field"


def test_an_unknown_function_is_501() -> None:
    assert code("contains(__id, 'a')") == "unknown_filter_function"
    assert code("eval('1') eq 1") == "unknown_filter_function"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "__id",
        "__id eq",
        "__id eq 'a",
        "__id = 'a'",
        "(__id eq 'a'",
        "__id eq 'a')",
        "__id eq 'a' or",
        "not",
        "__id eq 'a' __id eq 'b'",
        "__system/submissionDate gt 2026-13-41",
        "year(now() eq 1",
        "year('a') eq 1",
        "__id eq 'a'; drop table forms",
        "(" * 200 + "__id eq 'a'" + ")" * 200,
        "not " * 5_000 + "__id eq 'a'",
    ],
)
def test_b106_what_cannot_be_read_is_400(text: str) -> None:
    assert code(text) == "bad_filter"


def test_order_is_fields_with_a_direction() -> None:
    assert read_order("__id desc, __system/submissionDate", FIELDS) == (
        Order("__id", True),
        Order("__system/submissionDate", False),
    )
    for text in ("__id sideways", "__id desc desc", "age", ""):
        with pytest.raises(Refused):
            read_order(text, FIELDS)
