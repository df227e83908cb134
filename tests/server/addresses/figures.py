"""Home, figures, reports: of 2025H1, which is sent, and of 2025H2, which is open."""

from __future__ import annotations

from forms.library import load_library
from tests.server.addresses import Address, only, reads
from tests.server.scope_world import OWN, Who

SENT, OPEN = "/figures/2025H1", "/figures/2025H2"


def saw_it_then(who: Who) -> bool:
    """On the last day of 2025H1 districts still were."""
    return who.is_in_scope or (who.role == "district" and who.place == OWN)


ROLES = load_library().roles.values()
SEES_REPORTS = only(*(one.name for one in ROLES if "reports.read" in one.verbs), near=False)
VISITS = {"kind": "records", "form": "care_visit", "format": "csv"}
REPORT = {"kind": "report", "code": "2025H1", "format": "xlsx"}
ROLL = {"kind": "roll", "list": "members", "format": "xlsx"}
CLUB = {"level": "club", "key": "{club}"}

ADDRESSES = {
    "GET pages.home": Address("/"),
    "GET pages.roll": Address("/rolls/members/{club_code}.xlsx", only("chair", "commune")),
    "GET pages.figures": Address("/figures"),
    "GET pages.figures_of": Address(SENT),
    "GET pages.figures_at": (
        Address(f"{SENT}/club/{{club}}", saw_it_then),
        Address(f"{OPEN}/club/{{club}}", only("chair", "commune", "city", near=True)),
    ),
    "GET pages.figure": Address(f"{SENT}/club/{{club}}/B01", saw_it_then),
    "GET pages.trend": (
        Address(f"{SENT}/club/{{club}}/trend", saw_it_then),
        Address(f"{SENT}/club/{{club}}/trend?indicator=B01", saw_it_then),
    ),
    "GET pages.behind": Address(f"{OPEN}/club/{{club}}/B01/behind", only("chair", "commune")),
    "GET pages.reports": Address("/reports"),
    "GET pages.report": (Address("/reports/2025H1"), Address("/reports/2025H2")),
    "GET pages.late": Address("/reports/2025H1/late"),
    "GET pages.download": (
        Address("/reports/2025H1.xlsx"),
        Address("/reports/2025H1.pdf"),
        Address("/reports/2025H1-clubs.csv"),
        Address("/reports/2025H1-figures.csv"),
    ),
    "GET pages.files": Address("/files"),
    "POST pages.order_file": (
        Address("/files", reads("care_visit", near=False), form=VISITS),
        Address("/files", SEES_REPORTS, form=REPORT),
        Address("/files", only("chair", "commune", near=False), form=ROLL),
    ),
    "GET pages.take_file": Address("/files/0", only()),  # another's is as none
    "POST pages.delete_file": Address("/files/0/delete", only(), form={}),
    "POST pages.take_step": (
        Address("/reports/2025H2/confirm", only("chair"), form=CLUB),
        Address("/reports/2025H2/send", only("city", near=False), form={}),
        Address("/reports/2025H1/reopen", only("city", near=False), form={}),
    ),
}
