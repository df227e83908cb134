"""The desk of personal data: only who works on a request, and numbers for who says why."""

from __future__ import annotations

from tests.server.addresses import Address, only

MAY = only("commune", "dpo")
# Who is asked about, of the person whose open request it is; in order to correct it, the entry.
NAME = {"dpo": ("zqname",)}
ENTRY = {"dpo": ("zqname", "zqway", "zqphone", "zqidnumber")}
REQUEST = "/privacy/requests/{privacy_request}"

ADDRESSES = {
    "GET pages.privacy_desk": (Address("/privacy"), Address("/privacy?show=closed")),
    "GET pages.show_request": Address(REQUEST, shows=NAME),
    "GET pages.show_erasure": Address("/privacy/erasures/{erasure}"),
    "GET pages.erasure_proof": Address("/privacy/erasures/{erasure}.json"),
    "GET pages.reveal_identity": Address("/privacy/identity/{member}", MAY),
    "POST pages.reveal_identity": Address("/privacy/identity/{member}", MAY, form={}),
    "POST pages.erase_due": Address("/privacy/terms/no_consent", form={}),
    "POST pages.find_people": Address("/privacy/people", form={"sought": ""}),
    "POST pages.note_request": Address("/privacy/requests", form={"kind": "access"}),
    "POST pages.open_person_file": Address(REQUEST + "/file", form={}),
    "POST pages.withdraw_consent": Address(REQUEST + "/withdraw", form={}),
    "POST pages.erase_person": Address(REQUEST + "/erase", form={}),
    "GET pages.corrections": Address("/corrections", shows=NAME),
    "GET pages.correct_entry": Address("/corrections/{correction}", MAY, shows=ENTRY),
    "POST pages.correct_entry": Address("/corrections/{correction}", MAY, form={}),
    "POST pages.restrict_person": Address(REQUEST + "/restrict", form={}),
    "POST pages.note_step": Address(REQUEST + "/step", form={"act": "answer"}),
}
