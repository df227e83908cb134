"""Signing in and out, the start page, and the files that it offers."""

from __future__ import annotations

from forms.library import load_library
from tests.server.addresses import Address, only

ROLES = load_library().roles.values()
reports = only(*(one.name for one in ROLES if "reports.read" in one.verbs), near=False)

ADDRESSES = {
    "GET pages.sign_in": Address("/sign-in"),
    "POST pages.sign_in": Address("/sign-in", form={}),
    "POST pages.choose_language": Address("/language", form={"language": "en"}),
    "GET pages.home": Address("/"),
    "GET pages.download": (
        Address("/reports/2025H1.xlsx", reports),
        Address("/reports/2025H1-clubs.csv", reports),
    ),
    "GET pages.roll": (
        Address("/rolls/members/{club_code}.xlsx", only("chair", "commune")),
        Address("/rolls/members/{club_code}.csv", only("chair", "commune")),
    ),
    "POST pages.sign_out": Address("/sign-out", form={}),
}
