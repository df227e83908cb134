"""Signing in and out, and the language."""

from __future__ import annotations

from tests.server.addresses import Address

ADDRESSES = {
    "GET pages.docs": Address("/docs"),
    "GET pages.sign_in": Address("/sign-in"),
    "POST pages.sign_in": Address("/sign-in", form={"name": "nobody", "password": "nothing"}),
    "POST pages.choose_language": Address("/language", form={"language": "vi"}),
    "POST pages.sign_out": Address("/sign-out"),
}
