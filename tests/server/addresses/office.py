"""Phones, people who sign in, units, the server's work, the audit, one's own account."""

from __future__ import annotations

from tests.server.addresses import Address, only

ADDRESSES = {
    "GET pages.list_phones": (Address("/phones"), Address("/phones?show=revoked&q=a")),
    "GET pages.show_phone": Address("/phones/{phone}"),
    "GET pages.add_new_phones": Address("/phones/new"),
    "POST pages.add_new_phones": Address("/phones/new", form={"names": ""}),
    "GET pages.add_phones_of_file": Address("/phones/file"),
    "POST pages.add_phones_of_file": Address("/phones/file", form={}),
    "GET pages.list_users": (Address("/users"), Address("/users?show=disabled&q=a")),
    "GET pages.add_user": Address("/users/new"),
    "POST pages.add_user": Address("/users/new", form={"name": "x", "role": "none"}),
    "GET pages.show_user": Address("/users/{person}"),
    "POST pages.show_user": Address("/users/{person}", form={"role": "none"}),
    "GET pages.list_units": (Address("/units"), Address("/units?day=2024-01-01")),
    "GET pages.show_unit": Address("/units/{unit}"),
    "GET pages.take_decision": Address("/units/decision"),
    "POST pages.take_decision": Address("/units/decision", form={"text": "day"}),
    "GET pages.place_clubs": Address("/units/clubs"),
    "POST pages.place_clubs": Address("/units/clubs", form={"club": "none"}),
    "GET pages.take_clubs": Address("/units/clubs/file"),
    "POST pages.take_clubs": Address("/units/clubs/file", form={"text": "name"}),
    "GET pages.server_state": Address("/server"),
    "GET pages.check_server": Address("/server/check"),
    "POST pages.retry_work": Address("/server/retry", form={}),
    "GET pages.list_audit": (
        Address("/audit"),
        Address("/audit?kind=user&from=2020-01-01"),
        Address("/audit?actor=operator&subject=user:1"),
    ),
    "GET pages.account": Address("/account"),
    "POST pages.change_password": Address("/account/password", form={"new": "a", "again": "b"}),
    "POST pages.sign_out_everywhere": Address("/account/sign-out", form={"password": ""}),
    "GET pages.list_tokens": Address("/account/tokens"),
    "POST pages.list_tokens": Address("/account/tokens", form={"name": "x"}),
    "POST pages.revoke_token": Address("/account/tokens/1/revoke", only(), form={}),
    "POST pages.revoke_phone": Address("/phones/{phone}/revoke", form={}),
    "POST pages.give_password": Address("/users/{person}/password", form={}),
    "POST pages.end_user": Address("/users/{person}/end", form={}),
}
