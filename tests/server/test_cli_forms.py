"""A form's life at the console: checked, tried out, published, given files, closed, encrypted."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization

from forms.form_key import read_public_key
from server import qr as server_qr
from server.cli.terminal import GOOD, MISUSED, WRONG
from sync import tables as t
from sync.database import Database
from tests.server.test_cli import (  # noqa: F401 - fixtures
    Cayda,
    cayda,
    with_library,
)

TREES = """\
| survey |
| | type | name | label | media::image |
| | text | sp | {label} | |
| | note | look | Xem ảnh | Cây số 1.png |

| settings |
| | form_id | form_title | version |
| | trees | Cây | {version} |
"""
WITH_LIST = """\
| survey |
| | type | name | label |
| | select_one_from_file {list}.csv | who | Ai? |

| settings |
| | form_id | form_title | version |
| | asks | Hỏi | 1 |
"""
CLUB = """\
club_code,name,unit_code,founded_on
48-TEST-01,CLB thử,20263,2018-05-01
"""


def write(folder: Path, text: str, name: str = "form.md", **values: str) -> str:
    path = folder / name
    path.write_text(text.format(**{"label": "Loài", "version": "1", **values}), encoding="utf-8")
    return str(path)


def rows(database: Database, table: sa.Table) -> list[Any]:
    with database.read() as db:
        return list(db.execute(sa.select(table).order_by(table.c.id)))


def line(cayda: Cayda, state: str) -> dict[str, Any]:  # noqa: F811
    (found,) = (one for one in cayda.json("form", "list")["forms"] if one["state"] == state)
    return dict(found)


# ------------------------------------------------------------------ drafts


def test_a_draft_gets_an_address_of_its_own_and_a_qr_that_says_so(
    cayda: Cayda,  # noqa: F811
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts: list[str] = []
    whole = server_qr.settings_text
    monkeypatch.setattr(
        server_qr, "settings_text", lambda *given: texts.append(whole(*given)) or texts[-1]
    )
    png = tmp_path / "qr.png"
    found = cayda.json("form", "draft", write(tmp_path, TREES), "--qr", str(png))
    base = f"https://cayda.example/v1/test/{found['token']}/projects/1/forms/trees/draft"
    assert found["url"] == base
    assert png.stat().st_mode & 0o077 == 0
    said = json.loads(zlib.decompress(base64.b64decode(texts[0])))
    assert said["general"]["server_url"] == base
    assert said["general"]["form_update_mode"] == "match_exactly"
    assert said["general"]["autosend"] == "wifi_and_cellular"
    assert (said["project"]["name"], said["project"]["icon"]) == ("[Nháp] Cây", "📝")
    (user,) = rows(database, t.app_users)
    (form,) = rows(database, t.forms)
    assert (user.kind, user.project_id, user.form_id) == ("draft", 2, form.id)
    assert form.project_id == 2


def test_a_draft_is_replaced_then_published_and_its_codes_end(
    cayda: Cayda,  # noqa: F811
    database: Database,
    tmp_path: Path,
) -> None:
    cayda.json("form", "draft", write(tmp_path, TREES))
    cayda.json("form", "draft", write(tmp_path, TREES, label="Tên"))
    assert line(cayda, "draft")["versions"] == 1
    assert cayda("status").output.count("forms: 0") == 1
    published = cayda.json("form", "publish", write(tmp_path, TREES, label="Tên"))["forms"]
    assert published == [{"xml_form_id": "trees", "version": "1", "state": "open"}]
    assert line(cayda, "draft ended")["xml_form_id"] == "trees"
    assert all(user.revoked_at for user in rows(database, t.app_users))


def test_a_draft_may_end_without_being_published(
    cayda: Cayda,  # noqa: F811
    tmp_path: Path,
) -> None:
    cayda.json("form", "draft", write(tmp_path, TREES))
    assert cayda.json("form", "draft", "--end", "trees")["ended"]
    assert line(cayda, "draft ended")
    assert cayda("form", "draft", "--end", "trees").exit_code == WRONG
    assert cayda("form", "draft").exit_code == MISUSED


def test_a_draft_with_lists_needs_a_place_and_a_role_that_may_have_them(
    with_library: Cayda,  # noqa: F811
    database: Database,
    tmp_path: Path,
) -> None:
    clubs = tmp_path / "clubs.csv"
    clubs.write_text(CLUB, encoding="utf-8")
    assert with_library("club", "load", str(clubs)).exit_code == GOOD
    path = write(tmp_path, WITH_LIST, list="members")
    refused = with_library("form", "draft", path)
    assert refused.exit_code == MISUSED
    assert "--club" in refused.stderr
    assert with_library("form", "draft", path, "--role", "city").exit_code == MISUSED
    assert not [one for one in rows(database, t.forms) if one.project_id == 2]
    found = with_library.json("form", "draft", path, "--club", "48-TEST-01")
    assert found["role"] == "volunteer"


def test_a_library_form_is_tried_out_as_the_first_role_that_fills_it_in(
    with_library: Cayda,  # noqa: F811
    tmp_path: Path,
) -> None:
    clubs = tmp_path / "clubs.csv"
    clubs.write_text(CLUB, encoding="utf-8")
    with_library("club", "load", str(clubs))
    library = Path("forms/library")
    path = next(library.glob("*/membership.md"))
    assert with_library.json("form", "draft", str(path), "--club", "48-TEST-01")["role"] == "chair"
    other = with_library("form", "draft", str(path), "--club", "48-TEST-01", "--role", "volunteer")
    assert other.exit_code == MISUSED
    assert "chair" in other.stderr


# ------------------------------------------------------------------ state


def test_the_list_says_state_versions_and_what_is_missing(
    cayda: Cayda,  # noqa: F811
    tmp_path: Path,
) -> None:
    published = cayda("form", "publish", write(tmp_path, TREES))
    assert "Cây số 1.png" in published.stderr
    cayda("form", "publish", write(tmp_path, TREES, version="2", label="Tên"))
    for verb, state in (("closing", "closing"), ("close", "closed"), ("open", "open")):
        assert cayda.json("form", verb, "trees")["state"] == state
        found = line(cayda, state)
        assert (found["version"], found["versions"], found["submissions"]) == ("2", 2, 0)
        assert found["missing"] == "Cây số 1.png"
    assert cayda("form", "close", "nothing").exit_code == MISUSED


def test_publishing_a_closed_form_says_that_it_stays_closed(
    cayda: Cayda,  # noqa: F811
    tmp_path: Path,
) -> None:
    cayda("form", "publish", write(tmp_path, TREES))
    cayda("form", "close", "trees")
    published = cayda.json("form", "publish", write(tmp_path, TREES, version="2"))["forms"]
    assert published[0]["state"] == "closed"


def test_other_bytes_under_a_published_version_are_refused_with_what_to_do(
    cayda: Cayda,  # noqa: F811
    tmp_path: Path,
) -> None:
    cayda("form", "publish", write(tmp_path, TREES))
    refused = cayda("form", "publish", write(tmp_path, TREES, label="Tên"))
    assert refused.exit_code == WRONG
    assert "tăng version" in refused.stderr
    assert "form draft" in refused.stderr


# ------------------------------------------------------------------ files and lists


def test_a_missing_file_is_given_later_and_a_stranger_refused_with_the_names(
    cayda: Cayda,  # noqa: F811
    tmp_path: Path,
) -> None:
    cayda("form", "publish", write(tmp_path, TREES))
    picture = tmp_path / "Cây số 1.png"  # as a Mac writes it: letters and marks apart
    picture.write_bytes(b"<html>")
    belied = cayda("form", "media", "trees", str(picture))
    assert belied.exit_code == MISUSED
    assert "loại tệp khác" in belied.stderr
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert cayda.json("form", "media", "trees", str(picture))["files"] == ["Cây số 1.png"]
    assert line(cayda, "open")["missing"] == ""
    other = tmp_path / "other.png"
    other.write_bytes(picture.read_bytes())
    refused = cayda("form", "media", "trees", str(other))
    assert refused.exit_code == MISUSED
    assert "Cây số 1.png" in refused.stderr


def test_a_form_that_asks_for_a_list_nobody_may_have_is_refused_by_check_and_publish(
    with_library: Cayda,  # noqa: F811
    tmp_path: Path,
) -> None:
    declares = "\n| entities |\n| | list_name | label |\n| | wells | ${{who}} |\n"
    path = write(tmp_path, WITH_LIST + declares, list="wells")
    for verb in ("check", "publish", "draft"):
        done = with_library("form", verb, path)
        assert done.exit_code == WRONG, verb
        assert "[wells.download." in done.output
    only_makes = TREES.replace("media::image", "media::audio") + declares.replace("who", "sp")
    assert with_library("form", "check", write(tmp_path, only_makes)).exit_code == GOOD
    assert with_library("form", "publish", write(tmp_path, only_makes)).exit_code == GOOD


def test_publishing_tells_what_gives_doubt(
    cayda: Cayda,  # noqa: F811
    tmp_path: Path,
) -> None:
    path = write(tmp_path, TREES.replace("media::image", "constrant").replace("{label}", "Loài"))
    assert "“constraint”" in cayda("form", "publish", path).stderr


# ------------------------------------------------------------------ keys


def test_a_key_pair_is_made_and_the_private_half_is_only_shown(
    cayda: Cayda,  # noqa: F811
    tmp_path: Path,
) -> None:
    public = tmp_path / "public.pem"
    done = cayda("form", "key", "--public", str(public))
    assert done.exit_code == GOOD
    private = serialization.load_pem_private_key(done.stdout.encode(), None)
    assert private.key_size == 2048  # type: ignore[union-attr]
    assert read_public_key(public.read_bytes())
    assert "USB" in done.stderr
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"PRIVATE" in path.read_bytes()]
    assert cayda("form", "key", "--public", str(public)).exit_code == MISUSED  # never overwritten


def test_a_form_is_encrypted_from_a_file_or_by_its_id_and_stays_so(
    cayda: Cayda,  # noqa: F811
    database: Database,
    tmp_path: Path,
) -> None:
    public = tmp_path / "public.pem"
    cayda("form", "key", "--public", str(public))
    path = write(tmp_path, TREES)
    assert cayda("form", "publish", "trees", "--public-key", str(public)).exit_code == MISUSED
    cayda("form", "publish", path)
    (done,) = cayda.json("form", "publish", "trees", "--public-key", str(public))["forms"]
    assert done["version"].startswith("1[encrypted:")
    assert cayda.json("form", "publish", path)["forms"] == [done]
    assert line(cayda, "open")["encrypted"]
    assert cayda.json("form", "publish", "trees", "--plain")["forms"][0]["version"] == "1"
    assert not line(cayda, "open")["encrypted"]
    assert len(rows(database, t.form_versions)) == 2


def test_what_is_no_public_key_is_refused(
    cayda: Cayda,  # noqa: F811
    tmp_path: Path,
) -> None:
    key = tmp_path / "key.pem"
    made = cayda("form", "key", "--public", str(tmp_path / "public.pem"))
    for text in ("nothing", made.stdout):
        key.write_text(text, encoding="utf-8")
        refused = cayda("form", "publish", write(tmp_path, TREES), "--public-key", str(key))
        assert refused.exit_code == MISUSED
        assert "PRIVATE" not in refused.output


def test_all_forms_of_the_library_are_published_at_once_and_doctor_names_those_that_are_not(
    cayda: Cayda,  # noqa: F811
) -> None:
    def not_published() -> str:
        findings = cayda.json("doctor")["findings"]
        return str(next(one["found"] for one in findings if "forms not" in one["what"]))

    assert "membership" in not_published()
    published = cayda.json("form", "publish", "--library")["forms"]
    assert {one["xml_form_id"] for one in published} >= {"membership", "ledger", "period_report"}
    assert not_published() == "ok"
    assert cayda("form", "publish").exit_code == MISUSED
