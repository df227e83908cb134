"""A form encrypted from the console on: the key leaves once, and opens what came meanwhile."""

from __future__ import annotations

from pathlib import Path

from forms.encrypted import read_private_key
from forms.form_key import new_pair
from server.app import create_app
from server.cli.terminal import GOOD, MISUSED, WRONG
from server.runtime import EXTENSION
from server.settings import read_settings
from tests.sealing import envelope
from tests.server.conftest import Part, multipart
from tests.server.test_cli import TREES, Cayda, cayda

__all__ = ["cayda"]  # a fixture

PLAIN = (
    '<data id="trees" version="{version}"><sp>đa</sp>'
    "<meta><instanceID>uuid:1</instanceID></meta></data>"
)


def test_a_form_is_encrypted_sent_and_opened_with_the_key_from_stdin(
    cayda: Cayda, tmp_path: Path
) -> None:
    public = tmp_path / "public.pem"
    private = cayda("form", "key", "--public", str(public)).stdout
    private = private[private.index("-----BEGIN") :]
    assert read_private_key(private.encode())
    assert "PRIVATE" not in public.read_text(encoding="ascii")
    form = tmp_path / "trees.md"
    form.write_text(TREES, encoding="utf-8")
    cayda.json("form", "publish", str(form), "--public-key", str(public))
    (listed,) = cayda.json("form", "list")["forms"]
    phone = cayda.json("phone", "add", "Lan", "--role", "city")

    _send(cayda, phone["token"], public.read_bytes(), listed["version"])
    assert cayda.json("status")["sealed"] == 1
    assert cayda.json("reprocess") == {"submissions": 1, "opened": 0, "sealed": 1}
    wrong = cayda("reprocess", "--key", "-", text=new_pair()[0].decode())
    assert wrong.exit_code == WRONG
    assert "1 phiếu được mã hóa cho một khóa khác" in wrong.stdout
    waiting = cayda("submission", "show", "trees", "uuid:1").stdout
    assert "chờ khóa riêng" in waiting
    assert cayda.json("reprocess", "--key", "-", text=private)["opened"] == 1
    shown = cayda("submission", "show", "trees", "uuid:1").stdout
    assert "Loài cây: đa" in shown
    assert "chờ khóa riêng" not in shown

    assert cayda.json("status")["sealed"] == 0
    rows = tmp_path / "trees.csv"
    assert cayda("export", "records", "trees", "--out", str(rows)).exit_code == GOOD
    assert "đa" in rows.read_text(encoding="utf-8-sig")
    kept = [path for path in cayda.data.rglob("*") if path.is_file()]
    assert not any(b"PRIVATE KEY" in path.read_bytes() for path in kept)


def test_what_is_no_key_is_answered_with_a_sentence(cayda: Cayda) -> None:
    cayda.json("form", "list")
    done = cayda("reprocess", "--key", "-", text="not a key")
    assert done.exit_code == MISUSED
    assert "khóa riêng" in done.stderr
    assert "not a key" not in done.stderr


def _send(cayda: Cayda, token: str, public: bytes, version: str) -> None:
    plain = PLAIN.format(version=version).encode()
    xml, files = envelope(public, plain, {}, "uuid:1", "trees", version)
    given = {name: value for name, value in cayda.environment.items() if value}
    app = create_app(read_settings(given, data=cayda.data))
    parts = [Part("xml_submission_file", "s.xml", xml, "text/xml")]
    parts += [Part(name, name, content) for name, content in files.items()]
    answer = app.test_client().post(
        f"/key/{token}/submission",
        data=multipart(parts),
        content_type="multipart/form-data; boundary=B",
        headers={"X-OpenRosa-Version": "1.0"},
    )
    app.extensions[EXTENSION].database.dispose()
    assert answer.status_code == 201, answer.data
