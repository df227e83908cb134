"""Lists and entries in a browser."""

from __future__ import annotations

from tests.server.addresses import Address, anybody, in_scope, only, reads, sees

PAIR = "/pairs/members/{one_twin}/{other_twin}"
JUDGES = only("chair", "commune", "city", near=False)

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
    "GET pages.follow_up_file": (
        Address("/follow-up/not_visited/xlsx", only("chair", "commune", "health", near=False)),
        Address("/follow-up/flagged_checks/xlsx", only("health", near=False)),
        Address("/follow-up/loans_due/xlsx", only("treasurer", near=False)),
    ),
    "GET pages.pair_lists": Address("/pairs", JUDGES),
    "GET pages.pairs": Address("/pairs/members", JUDGES),
    "GET pages.pairs_decided": Address("/pairs/members/decided", JUDGES),
    "GET pages.pair": Address(PAIR, only("chair", "commune", "city")),
    "POST pages.part_pair": Address(f"{PAIR}/part", in_scope),
    "POST pages.reopen_pair": Address(f"{PAIR}/reopen", in_scope),
    "POST pages.join_pair": Address(f"{PAIR}/join", in_scope, form={"stays": "{one_twin}"}),
    "POST pages.undo_join": Address("/pairs/members/{other_twin}/{one_twin}/undo", in_scope),
    "GET pages.events": Address("/events", anybody),
    "POST pages.decide_event": Address(
        "/events/care_visit",
        reads("care_visit"),
        form={"one": "{care_visit}", "other": "{care_visit}", "decision": "apart"},
    ),
}
