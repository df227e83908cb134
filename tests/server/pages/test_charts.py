"""Charts: bars as long as their numbers, the band of the target, and the same in words."""

from __future__ import annotations

from decimal import Decimal

from server.pages.charts import WIDTH, bar_chart
from sync.reports.charts import Bar


def a_bar(share: float, low: float | None = None, high: float | None = None) -> Bar:
    return Bar("Nữ", "Women", Decimal(str(share)), share, "B06", ("city", "1"), low, high)


def test_a_bar_is_as_long_as_its_share_and_the_band_lies_where_the_target_is() -> None:
    chart = bar_chart("c", "Cơ cấu", [("Nữ", "50 %", a_bar(0.5, 0.6, 0.7))])
    (shape,) = chart.shapes
    assert shape.length == WIDTH / 2
    assert shape.band == (204.0, 34.0)
    assert chart.said == "Nữ: 50 %"


def test_long_words_are_broken_and_no_bar_lies_on_another() -> None:
    label = "Tỷ lệ thành viên thuộc hộ nghèo, cận nghèo, khó khăn"
    chart = bar_chart("c", "Cơ cấu", [(label, "63,3 %", a_bar(0.6)), ("Nữ", "50 %", a_bar(0.5))])
    first, second = chart.shapes
    assert len(first.lines) == 2
    assert all(len(words) <= 38 for _, words in first.lines)
    assert first.lines[-1][0] < first.y
    assert first.y + 14 < second.lines[0][0] - 12
    assert second.y + 14 <= chart.height


def test_a_chart_without_bars_has_no_height() -> None:
    assert bar_chart("c", "Trống", []).height == 0
