"""The start page, and the files that it offers."""

from __future__ import annotations

from forms.library import load_library
from tests.server.addresses import Address, only

ROLES = load_library().roles.values()
reports = only(*(one.name for one in ROLES if "reports.read" in one.verbs), near=False)

ADDRESSES = {
    "GET pages.home": Address("/"),
    "GET pages.download": (
        Address("/reports/2025H1.xlsx", reports),
        Address("/reports/2025H1-clubs.csv", reports),
    ),
    "GET pages.roll": (
        Address("/rolls/members/{club_code}.xlsx", only("chair", "commune")),
        Address("/rolls/members/{club_code}.csv", only("chair", "commune")),
    ),
}
