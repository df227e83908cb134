"""The settings QR that sets up ODK Collect or KoboCollect for this server (protocol §7)."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

TREE, MEMO = "🌳", "📝"  # of a phone's project, and of a form being tried out


def settings_text(server_url: str, name: str, project: str = "Cây Đa", icon: str = TREE) -> str:
    """The text inside the QR: JSON, deflated with header, base64 without line breaks."""
    settings = {
        "general": {
            "server_url": server_url,
            "username": name,  # Collect tells projects of one server apart by it
            "form_update_mode": "match_exactly",
            "autosend": "wifi_and_cellular",
            "app_language": "vi",
        },
        "admin": {},  # must be there, even empty, or the phone refuses the whole code
        "project": {"name": project, "icon": icon, "color": "#2e7d32"},
    }
    text = json.dumps(settings, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def write_qr(
    path: Path, server_url: str, name: str, project: str = "Cây Đa", icon: str = TREE
) -> None:
    """A PNG to show or to print. It holds the phone's secret, so only its owner may read it."""
    import segno  # only here: a server that shows no QR need not load it

    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    code = segno.make(settings_text(server_url, name, project, icon), error="l", micro=False)
    code.save(str(path), scale=6, border=4, kind="png")


def inline_qr(server_url: str, name: str, project: str = "Cây Đa", icon: str = TREE) -> Markup:
    """The same code as an SVG to stand inside a page, as large as the page makes it."""
    import segno

    code = segno.make(settings_text(server_url, name, project, icon), error="l", micro=False)
    return Markup(code.svg_inline(border=4, omitsize=True))  # noqa: S704 (it holds no text)


def write_draft_qr(path: Path, server_url: str, name: str, title: str) -> None:
    """The PNG by which a form is tried out: a project of its own in Collect, seen to be a draft."""
    write_qr(path, server_url, name, *of_draft(title))


def of_draft(title: str) -> tuple[str, str]:
    """Name and icon of the project in which a draft is tried out."""
    return f"[Nháp] {title}", MEMO


def draft_url(origin: str, token: str, xml_form_id: str) -> str:
    """The server URL of one form being tried out, in Central's spelling."""
    form = quote(xml_form_id, safe="")
    return f"{origin.rstrip('/')}/v1/test/{token}/projects/1/forms/{form}/draft"


def phone_url(origin: str, token: str) -> str:
    """What goes into Collect as server URL, in the spelling ODK Central made common."""
    return f"{origin.rstrip('/')}/v1/key/{token}/projects/1"
