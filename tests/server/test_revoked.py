"""A phone that was lost: revoked at the console, every one of its addresses is shut at once."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from tests.server.conftest import Part, instance, multipart
from tests.server.serving import a_server
from tests.server.test_cli import CLUBS


def test_a27_revoking_shuts_every_address_at_the_next_request(tmp_path: Path) -> None:
    server = a_server(tmp_path / "data", CAYDA_PUBLIC_URL="https://cayda.example")
    (tmp_path / "clubs.csv").write_text(CLUBS, encoding="utf-8")
    server.json("club", "load", str(tmp_path / "clubs.csv"))
    call = ("phone", "add", "Lan", "--role", "volunteer", "--club", "48-TEST-01")
    lost, kept = server.json(*call), server.json(*call)
    with server.running():

        def sends(base: str) -> int:
            xml = instance(form_id="care_visit")
            body = multipart([Part("xml_submission_file", "a.xml", xml, "text/xml")])
            head = (
                f"POST {base}/submission HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                "Content-Type: multipart/form-data; boundary=B\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            return int(server.raw(head.encode() + body).split()[1])

        def gets(base: str, *paths: str) -> list[int]:
            return [server.get(base + path)[0] for path in paths]

        bases = [urlsplit(lost["url"]).path, f"/key/{lost['token']}"]
        _, listed = server.get(f"{bases[0]}/formList")
        (manifest,) = re.findall(rb"<manifestUrl>[^<]*(/forms/care_visit/manifest)<", listed)
        _, files = server.get(bases[0] + manifest.decode())
        names = re.findall(rb"<downloadUrl>[^<]*(/forms/[^<]*)<", files)
        lists = re.findall(rb"<integrityUrl>[^<]*(/datasets/[^<]*)<", files)
        assert names
        assert lists
        paths = ["/formList", "/forms/care_visit.xml", manifest.decode(), "/submission"]
        paths += [one.decode() for one in (*names, *lists)]
        for base in bases:
            assert set(gets(base, *paths)) == {200, 204}
            assert sends(base) == 201
        done = server.cayda("phone", "revoke", str(lost["id"]))
        assert done.returncode == 0, done.stderr
        for base in bases:
            assert set(gets(base, *paths)) == {403}  # never 401: there is no password to ask for
            assert sends(base) == 403
        assert gets(urlsplit(kept["url"]).path, *paths[:1]) == [200]
