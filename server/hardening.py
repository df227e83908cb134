"""Headers on every answer to a browser, and the name of its cookie: less can go wrong there."""

from __future__ import annotations

from flask import Flask, Response, request
from flask.sessions import SecureCookieSessionInterface

from server import auth

# Nothing from other hosts, no script or style within a page, no frame around us.
OF_PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# What programs get is no page: a file that somebody put beside a form runs in no browser.
OF_DATA = "default-src 'none'; frame-ancestors 'none'; sandbox"
TLS_ONLY = f"max-age={365 * 24 * 3600}"


class Cookies(SecureCookieSessionInterface):
    """Sessions of the pages. Behind TLS the name's prefix makes browsers refuse a cookie that
    another site of the domain, or somebody on the line, has put there."""

    def get_cookie_name(self, app: Flask) -> str:
        name = super().get_cookie_name(app)
        return f"__Host-{name}" if auth.is_behind_tls() else name

    def get_cookie_secure(self, app: Flask) -> bool:
        return auth.is_behind_tls()


def register(app: Flask, pages: str) -> None:
    """Let every answer but those to phones carry them. pages: the name of the pages' blueprint."""
    app.config.update(
        SESSION_COOKIE_NAME="cayda", SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax"
    )
    app.session_interface = Cookies()

    @app.after_request
    def _harden(answer: Response) -> Response:
        group = request.blueprint or pages
        if group.startswith("openrosa"):
            return answer
        given = answer.headers
        given.setdefault("X-Content-Type-Options", "nosniff")
        given.setdefault("Referrer-Policy", "no-referrer")
        given.setdefault("Content-Security-Policy", OF_PAGES if group == pages else OF_DATA)
        given.setdefault("Cache-Control", "no-cache" if _is_static() else "no-store")
        given.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        given.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        if auth.is_behind_tls():
            given.setdefault("Strict-Transport-Security", TLS_ONLY)
        return answer


def _is_static() -> bool:
    """Whether it is of the pages' own; all else may be personal, and the computer many people's."""
    return request.endpoint is not None and request.endpoint.endswith(".static")
