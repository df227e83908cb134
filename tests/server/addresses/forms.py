"""Forms: uploaded, seen, tried out, published, closed; public links."""

from __future__ import annotations

from tests.server.addresses import Address, only

F = "/forms/care_visit"
DRAFT = "/forms/membership/draft"  # the world has begun one

ADDRESSES = {
    "GET pages.list_forms": Address("/forms"),
    "GET pages.upload_form": Address("/upload-form"),
    "POST pages.upload_form": Address("/upload-form"),
    "GET pages.show_form": Address(F),
    "GET pages.preview_form": (
        Address(f"{F}/preview"),
        Address(f"{F}/preview?version={{version}}"),
        Address("/forms/membership/preview?draft=1"),
    ),
    "GET pages.form_file": (Address(f"{F}/back/xlsx"), Address(f"{F}/back/xml")),
    "GET pages.form_media": Address(f"{F}/media/none.png", only()),
    "POST pages.replace_form_file": Address(f"{F}/media"),
    "POST pages.change_form_state": Address(f"{F}/state", form={"state": "open"}),
    "GET pages.show_draft": Address(DRAFT),
    "POST pages.begin_form_draft": (
        Address(f"{F}/draft/begin"),
        Address(f"{DRAFT}/begin"),  # programs have ended the first by then
    ),
    "POST pages.replace_draft_file": Address(f"{DRAFT}/media"),
    "POST pages.draft_code": Address(f"{DRAFT}/code"),
    "POST pages.drop_form_draft": Address(f"{DRAFT}/drop"),
    "POST pages.publish_form_draft": Address(f"{F}/draft/publish", form={"version": "zq 1"}),
    "POST pages.make_form_link": Address(f"{F}/links", form={"name": "zq"}),
    "POST pages.revoke_form_link": Address(f"{F}/links/0/revoke", only()),
}
