"""Lists and entries in a browser."""

from __future__ import annotations

from tests.server.addresses import Address, anybody, only, sees

ADDRESSES = {
    "GET pages.entity_lists": Address("/lists", anybody),
    "GET pages.entity_list": (
        Address("/lists/members", sees("members", near=False)),
        Address("/lists/care_clients", sees("care_clients", near=False)),
        Address("/lists/clubs", sees("clubs", near=False)),
        Address("/lists/loans", sees("loans", near=False)),
    ),
    "GET pages.entity": (
        Address("/lists/members/{member}", sees("members")),
        Address("/lists/care_clients/{member}", only()),
        Address("/lists/clubs/{club}", sees("clubs")),
        Address("/lists/loans/{loan_entity}", sees("loans")),
    ),
    "POST pages.search_list": Address(
        "/lists/members/search", sees("members", near=False), form={"sought": "ba"}
    ),
    "GET pages.follow_up_lists": Address("/follow-up", anybody),
    "GET pages.follow_up_list": (
        Address("/follow-up/not_visited", only("chair", "commune", "health", near=False)),
        Address("/follow-up/flagged_checks", only("health", near=False)),
        Address("/follow-up/loans_due", only("treasurer", near=False)),
    ),
}
