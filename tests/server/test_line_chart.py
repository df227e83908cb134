"""Numbers over time, drawn: scale, days, names and the sentence that says the same."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from lxml import etree

from server.pages.line_chart import Bounds, Line, line_chart

DAYS = (date(2024, 11, 3), date(2025, 5, 20), date(2025, 11, 22))


def line(label: str, *values: str) -> Line:
    return Line(label, list(zip(DAYS, map(Decimal, values), strict=False)))


def test_a_chart_says_in_words_where_each_line_began_and_where_it_is() -> None:
    text = line_chart("Huyết áp", [line("Trên", "152.5", "140", "138")], "mmHg", name="a")
    assert "Trên: 152,5 (03/11/2024) → 138 mmHg (22/11/2025)" in text
    root = etree.fromstring(text)
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "a-title a-desc"
    assert "style" not in root.attrib


def test_the_scale_has_round_numbers_around_all_values_and_the_earliest_stands_left() -> None:
    text = line_chart("Cân", [line("kg", "56.9", "55.1", "60.2")], "kg")
    numbers = re.findall(r'class="chart-number"[^>]*>([^<]+)<', text)
    assert numbers == ["54", "56", "58", "60", "62"]
    dots = [int(x) for x in re.findall(r'cx="(\d+)"[^>]*><title>', text)]
    assert dots == sorted(dots)


def test_one_point_or_a_flat_line_is_drawn_too_and_none_is_nothing() -> None:
    assert line_chart("a", [line("b", "120")], "c").count('r="5"><title>') == 1
    assert line_chart("a", [line("b", "0", "0", "0")], "c").count('r="5"><title>') == 3
    assert line_chart("a", [line("b")], "c") == ""


def test_what_is_always_the_same_stands_above_nought_and_not_on_the_ground() -> None:
    full = Bounds("Chỉ tiêu", [Decimal(100)])
    text = line_chart("a", [line("b", "100", "100")], "%", bounds=full)
    numbers = re.findall(r'class="chart-number"[^>]*>([^<]+)<', text)
    assert numbers == ["0", "50", "100"]


def test_a_name_cannot_bring_markup() -> None:
    text = line_chart("<script>", [line("<b>x</b>", "1")], "<i>")
    assert "<script>" not in text
    assert "<b>" not in text
    assert "&lt;b&gt;" in text


def test_what_numbers_are_held_against_is_drawn_across_and_said() -> None:
    high = Bounds("Cao từ", [Decimal(140), Decimal(90)])
    text = line_chart("a", [line("Trên", "120", "118")], "mmHg", bounds=high)
    assert text.count('class="chart-bound"') == 3  # one of them beside its name
    assert "Cao từ: 140, 90 mmHg" in text
    numbers = re.findall(r'class="chart-number"[^>]*>([^<]+)<', text)
    assert (int(numbers[0]) <= 90, int(numbers[-1]) >= 140) == (True, True)


def test_days_below_are_days_of_points() -> None:
    text = line_chart("a", [line("b", "1", "2", "3")], "c")
    assert re.findall(r'class="chart-day"[^>]*>([^<]+)<', text) == ["11/2024", "11/2025", "05/2025"]
