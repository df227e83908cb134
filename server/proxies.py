"""A proxy in front that the settings do not know is noticed, and told to who runs the server."""

from __future__ import annotations

from ipaddress import ip_address

from flask import Flask, current_app, request
from sqlalchemy.exc import DBAPIError

from server import auth
from server.runtime import runtime
from sync import gauges

HEADER = "X-Forwarded-For"


def register(app: Flask) -> None:
    """Look at what others than phones ask."""
    app.before_request(_look)


def _look() -> None:
    if HEADER not in request.headers or runtime().settings.trust_proxy or _is_phone():
        return
    if not _is_near(request.remote_addr) or not auth.memory().is_news(HEADER):
        return
    current_app.logger.warning(
        "a proxy is in front, and CAYDA_TRUST_PROXY is not set: all callers share one address"
    )
    try:
        with runtime().database.write() as db:
            gauges.note_unheeded_proxy(db, runtime().now())
    except DBAPIError:
        current_app.logger.warning("could not note that a proxy is in front")


def _is_phone() -> bool:
    return (request.blueprint or "").startswith("openrosa")


def _is_near(address: str | None) -> bool:
    """Whether a proxy of ours may ask from there; from elsewhere any stranger sends the header."""
    try:
        return ip_address(address or "").is_private
    except ValueError:  # a Unix socket
        return True
