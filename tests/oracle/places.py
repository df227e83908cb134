"""The clubs' communes and districts of every time, written by hand from the domain handbook (§5.2).

Nothing here is read from the library: that both say the same is what the oracle shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

FIRST_REFORM, SECOND_REFORM = date(2025, 1, 1), date(2025, 7, 1)

# district -> how many communes and wards it has: to 31-12-2024, and in the first half of 2025.
UNITS_IN: Mapping[str, tuple[int, int]] = {
    "490": (5, 5),  # Liên Chiểu
    "491": (10, 6),  # Thanh Khê: four pairs became four wards
    "492": (13, 9),  # Hải Châu: two, three and two became one each
    "493": (7, 6),  # Sơn Trà
    "494": (4, 4),  # Ngũ Hành Sơn
    "495": (6, 6),  # Cẩm Lệ
    "497": (11, 11),  # Hòa Vang
}
UNITS_SINCE_JULY_2025 = 93  # 94 without Hoàng Sa, which has no resident population
NO_UNITS = 0


@dataclass(frozen=True)
class Path:
    """Where a club is on a day; None where nobody can say, or where there is no such level."""

    commune: str | None
    district: str | None
    city: str = "48"


@dataclass(frozen=True)
class Site:
    """A commune of the old days, and what became of it: to 2024, early 2025, since July 2025."""

    name: str
    at_first: Path
    after_first_reform: Path
    after_second_reform: Path

    def on(self, day: date) -> Path:
        if day < FIRST_REFORM:
            return self.at_first
        return self.after_first_reform if day < SECOND_REFORM else self.after_second_reform


def _site(name: str, *paths: tuple[str | None, str | None]) -> Site:
    return Site(name, *(Path(*one) for one in paths))


THO_QUANG = _site("Thọ Quang", ("20263", "493"), ("20263", "493"), ("20263", None))
HAI_CHAU_1 = _site("Hải Châu I", ("20236", "492"), ("20236", "492"), ("20242", None))
TAM_THUAN = _site("Tam Thuận", ("20203", "491"), ("20209", "491"), ("20209", None))
AN_HAI_DONG = _site("An Hải Đông", ("20281", "493"), ("20278", "493"), ("20275", None))
# Hòa Liên was split in July 2025; Hòa Minh in January, across a border of districts. Where nobody
# has said to which part a club belongs it counts only where both parts belong.
HOA_LIEN_PLACED = _site("Hòa Liên", ("20296", "497"), ("20296", "497"), ("20194", None))
HOA_LIEN_WAITING = _site("Hòa Liên", ("20296", "497"), ("20296", "497"), (None, None))
HOA_MINH_PLACED = _site("Hòa Minh", ("20200", "490"), ("20206", "491"), ("20209", None))
HOA_MINH_WAITING = _site("Hòa Minh", ("20200", "490"), (None, None), (None, None))
XUAN_PHU = _site("Xuân Phú", (None, None), (None, None), ("20650", None))  # Quảng Nam before


def units_of_district(code: str, day: date) -> int:
    """Communes and wards of a district; 0 where the district is no more."""
    if day >= SECOND_REFORM:
        return NO_UNITS
    return UNITS_IN[code][0 if day < FIRST_REFORM else 1]


def units_of_city(day: date) -> int:
    """56, 47, 93."""
    if day >= SECOND_REFORM:
        return UNITS_SINCE_JULY_2025
    return sum(units_of_district(code, day) for code in UNITS_IN)


def districts_on(day: date) -> list[str]:
    return sorted(UNITS_IN) if day < SECOND_REFORM else []
