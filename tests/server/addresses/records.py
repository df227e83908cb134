"""What was sent, and what people decide about it."""

from __future__ import annotations

from tests.server.addresses import Address, only, reads

F = "/records/care_visit"
ONE = f"{F}/{{care_visit_number}}"
visit, whole = reads("care_visit"), reads("care_visit", whole=True)

ADDRESSES = {
    "GET pages.records": Address("/records"),
    "GET pages.form_records": (
        Address(F, reads("care_visit", near=False)),
        Address(f"{F}?club={{club_code}}&state=received", reads("care_visit", near=False)),
    ),
    "GET pages.find_record": Address(f"{F}/find?id={{care_visit}}", visit),
    "GET pages.record": (
        Address(ONE, visit),
        Address("/records/health_check/{health_check_number}", reads("health_check")),
        Address("/records/membership/{membership_number}", reads("membership")),
        Address("/records/loan/{loan_number}", reads("loan")),
    ),
    "GET pages.record_file": Address(f"{ONE}/files/1/none.jpg", only()),
    "POST pages.comment_on": Address(f"{ONE}/comment", visit, form={"comment": "zq"}),
    "POST pages.review_record": Address(f"{ONE}/review", visit, form={"state": "approved"}),
    "POST pages.delete_record": Address(f"{ONE}/delete", whole, form={"delete_words": "zq"}),
    "POST pages.restore_record": Address(f"{ONE}/restore", whole, form={"restore_words": "zq"}),
}
