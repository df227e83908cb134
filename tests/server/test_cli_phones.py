"""Phones at the console: one or many added with a page to print, listed, linked, warned of."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from forms.library import load_library
from server.cli.phones import clock_text
from server.cli.terminal import GOOD, MISUSED, WRONG
from server.qr import inline_qr
from server.sheets import Sheet, render
from sync import accounts
from sync.database import Database
from sync.tables import app_users, entities, entity_lists
from tests.server.test_cli import CLUBS, Cayda, cayda, with_library  # noqa: F401 (fixtures)

OWNER = "11111111-1111-4111-8111-111111111111"
PEOPLE = "tên,vai trò,CLB\nTrần Thị Bảy,tình nguyện viên,48-TEST-01\nLê Văn Tám,chair,48-TEST-01\n"


@pytest.fixture
def village(with_library: Cayda, tmp_path: Path) -> Cayda:  # noqa: F811
    """A server with one club."""
    path = tmp_path / "clubs.csv"
    path.write_text(CLUBS, encoding="utf-8")
    with_library.json("club", "load", str(path))
    return with_library


def people(tmp_path: Path, text: str, encoding: str = "utf-8") -> str:
    path = tmp_path / "people.csv"
    path.write_bytes(text.encode(encoding))
    return str(path)


def count(database: Database) -> int:
    with database.read() as db:
        return len(accounts.list_app_users(db))


# ------------------------------------------------------------------ many at once
@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (PEOPLE, "utf-8"),
        (PEOPLE, "utf-8-sig"),
        (PEOPLE.replace(",", ";").replace("\n", "\r\n"), "utf-8-sig"),
        ("STT,Name,ROLE,Club,Ghi chú\n" + "".join(
            f"{n},{line},x\n" for n, line in enumerate(PEOPLE.splitlines()[1:])
        ) + ",,,,\n", "utf-8"),
        (PEOPLE.replace("ầ", "â\u0300").replace("ò", "o\u0300"), "utf-8"),  # as macOS writes marks
    ],
)  # fmt: skip
def test_many_phones_are_added_with_a_page_each(
    village: Cayda, tmp_path: Path, text: str, encoding: str
) -> None:
    page = tmp_path / "new" / "sheets.html"
    found = village.json("phone", "add-many", people(tmp_path, text, encoding), "--page", str(page))
    assert [(one["name"], one["role"]) for one in found["phones"]] == [
        ("Trần Thị Bảy", "volunteer"),
        ("Lê Văn Tám", "chair"),
    ]
    assert found["warnings"] == []
    written = page.read_text(encoding="utf-8")
    assert written.count("<section>") == written.count("<svg") == 2
    assert "Trần Thị Bảy" in written
    assert "CLB thử" in written
    assert page.stat().st_mode & 0o777 == 0o600  # it holds the codes


def test_a_file_with_slips_is_refused_whole_and_tells_each_cell(
    village: Cayda, database: Database, tmp_path: Path
) -> None:
    text = (
        "tên;vai trò;CLB;đơn vị;hội viên\n"
        "Trần Thị Bảy;volunteer;48-TEST-01;;\n"
        ";king;48-TEST-01;;\n"
        "\n"
        "Lê Văn Tám;chair;48-NONE;;no-such-id\n"
        "Hồ Thị Chín;commune;;99999;\n"
        "Võ Thị Mười;volunteer;;;\n"
        "Trần Thị Bảy;volunteer;48-TEST-01;;\n"
    )
    call = ("phone", "add-many", people(tmp_path, text), "--page", str(tmp_path / "p.html"))
    done = village(*call)
    assert done.exit_code == WRONG
    lines = done.stderr.splitlines()
    cells = [re.search(r"dòng/row (\d+), ô/cell (\w+): (.*)", line) for line in lines]
    assert [(cell[1], cell[2]) for cell in cells if cell] == [
        ("3", "A3"), ("3", "B3"), ("5", "C5"), ("5", "E5"), ("6", "D6"), ("7", "D7"), ("8", "A8"),
    ]  # fmt: skip
    assert all(" / " in line for line in lines)
    assert count(database) == 0
    assert not (tmp_path / "p.html").exists()


def test_a_file_given_twice_adds_nobody_twice(
    village: Cayda, database: Database, tmp_path: Path
) -> None:
    call = ("phone", "add-many", people(tmp_path, PEOPLE), "--page", str(tmp_path / "p.html"))
    assert village(*call).exit_code == GOOD
    again = village(*call)
    assert again.exit_code == WRONG
    assert "Trần Thị Bảy" in again.stderr
    assert count(database) == 2


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (PEOPLE.encode("utf-16"), "UTF-8"),
        ("tên,vai trò\nà,b\n".encode("latin-1", "replace"), "UTF-8"),
        (b"", "CSV"),
        (b"a,b\n1,2\n", "vai trò"),
        (b'name,role\n"open,x\n', "CSV"),
        (b"name,role\n\x00,x\n", "UTF-8"),
    ],
)
def test_a_file_that_is_no_such_table_is_told_in_a_sentence(
    village: Cayda, tmp_path: Path, content: bytes, word: str
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    done = village("phone", "add-many", str(path), "--page", str(tmp_path / "p.html"))
    assert done.exit_code == WRONG
    assert word in done.stderr
    assert "Traceback" not in done.output
    clubs = village("club", "load", str(path))
    assert clubs.exit_code == WRONG
    assert "Traceback" not in clubs.output


def test_a_file_of_headings_alone_is_no_success(village: Cayda, tmp_path: Path) -> None:
    page = tmp_path / "p.html"
    done = village("phone", "add-many", people(tmp_path, "tên,vai trò\n,\n"), "--page", str(page))
    assert done.exit_code == WRONG
    assert "không có dòng nào" in done.stderr
    assert not page.exists()


def test_codes_without_a_page_would_be_lost(village: Cayda, tmp_path: Path) -> None:
    assert village("phone", "add-many", people(tmp_path, PEOPLE)).exit_code == MISUSED


def test_a_page_that_cannot_be_written_adds_nobody(
    village: Cayda, database: Database, tmp_path: Path
) -> None:
    page = str(tmp_path / "clubs.csv" / "p.html")
    for call in (("add-many", people(tmp_path, PEOPLE)), ("add", "Lan", "--role", "city")):
        done = village("phone", *call, "--page", page)
        assert done.exit_code == WRONG
        assert "Không đọc hay ghi được" in done.stderr
    assert count(database) == 0


# ------------------------------------------------------------------ the page
def test_a_page_says_whose_it_is_and_whom_to_tell_in_marks_of_its_own() -> None:
    url = "https://x.test/v1/key/T"
    role = load_library().roles["volunteer"]
    sheet = Sheet("Bà <b>Bảy</b> & em", role, "CLB “Đông”", inline_qr(url, "a"))
    page = render([sheet], contact="Cô Hà <1>")
    assert "Bà &lt;b&gt;Bảy&lt;/b&gt; &amp; em" in page
    assert "Cô Hà &lt;1&gt;" in page
    assert "Tình nguyện viên" in page
    assert "Mất máy?" in page
    assert not re.search(r"(src|href)=|url\(|@import", page)  # nothing from outside
    assert "https://x.test" not in page  # only in the picture


def test_vietnamese_on_the_page_is_large() -> None:
    role = load_library().roles["volunteer"]
    page = render([Sheet("a", role, "b", inline_qr("https://x.test", "a"))])
    sizes = [float(size) for size in re.findall(r"([\d.]+)pt", page)]
    assert {size for size in sizes if size < 18} == {10.5}  # English and the foot


# ------------------------------------------------------------------ one
def test_a_phone_is_linked_to_the_member_who_holds_it(
    village: Cayda, database: Database, tmp_path: Path
) -> None:
    now = datetime(2026, 1, 20, tzinfo=UTC)
    with database.write() as db:
        club = db.execute(sa.select(entities.c.uuid).limit(1)).scalar_one()
        people = entity_lists.c.name == load_library().privacy.person
        list_id = db.execute(sa.select(entity_lists.c.id).where(people)).scalar_one()
        row = {"list_id": list_id, "uuid": OWNER, "label": "Bảy", "data": {}, "version": 1}
        row |= {"imported": False, "created_at": now, "updated_at": now, "change_seq": 1}
        db.execute(entities.insert(), row)
    add = ("phone", "add", "Lan", "--role", "volunteer", "--club", "48-TEST-01", "--member")
    assert village(*add, f"uuid:{OWNER.upper()}").exit_code == GOOD
    with database.read() as db:
        assert list(db.execute(sa.select(app_users.c.person_id))) == [(OWNER,)]
    for nobody in ("22222222-1111-4111-8111-111111111111", club):
        refused = village(*add, nobody)
        assert refused.exit_code == MISUSED
        assert nobody in refused.stderr


def test_without_a_public_address_the_code_is_warned_of(cayda: Cayda, tmp_path: Path) -> None:  # noqa: F811
    cayda.environment["CAYDA_PUBLIC_URL"] = None
    done = cayda("phone", "add", "Lan", "--role", "city")
    assert done.exit_code == GOOD
    assert "CAYDA_PUBLIC_URL" in done.stderr
    assert "127.0.0.1" in done.stderr
    (warning,) = cayda.json("phone", "add", "Hoa", "--role", "city")["warnings"]
    assert "CAYDA_PUBLIC_URL" in warning
    named = cayda("phone", "add", "Ba", "--role", "city", "--server", "https://x.example")
    assert named.stderr == ""
    many = cayda(
        "phone", "add-many", people(tmp_path, "name,role\na,city\n"), "--page", str(tmp_path / "p")
    )
    assert "CAYDA_PUBLIC_URL" in many.stderr


@pytest.mark.parametrize("role", ["admin", "dpo", "district", "người lạ"])
def test_nobody_gets_a_phone_that_could_fetch_no_form(
    cayda: Cayda,  # noqa: F811
    database: Database,
    role: str,
) -> None:
    done = cayda("phone", "add", "Lan", "--role", role, "--unit", "48")
    assert done.exit_code == MISUSED
    assert f"Không có vai trò “{role}” dùng điện thoại" in done.stderr
    assert count(database) == 0


def test_one_phone_takes_a_role_by_its_vietnamese_name_as_the_file_does(
    village: Cayda,
) -> None:
    call = ("phone", "add", "Lan", "--role", "Tình nguyện viên", "--club", "48-TEST-01")
    assert village("--json", *call).exit_code == GOOD
    (lan,) = village.json("phone", "list")["phones"]
    assert lan["role"] == "volunteer"


@pytest.mark.parametrize("server", ["192.168.1.20:8080", "htps://x.example", "https://", ""])
def test_an_address_that_no_phone_could_call_goes_into_no_code(
    village: Cayda, database: Database, tmp_path: Path, server: str
) -> None:
    page = ("--page", str(tmp_path / "p.html"), "--server", server)
    for call in (("add", "Lan", "--role", "city"), ("add-many", people(tmp_path, PEOPLE))):
        done = village("phone", *call, *page)
        assert done.exit_code == MISUSED
        assert "https://" in done.stderr.partition(" / ")[0]
    assert count(database) == 0
    assert not (tmp_path / "p.html").exists()


# ------------------------------------------------------------------ how they are
def test_the_list_and_status_tell_who_should_be_asked_after(
    cayda: Cayda,  # noqa: F811
    database: Database,
) -> None:
    for name in ("Lan", "Minh", "Hoa"):
        cayda.json("phone", "add", name, "--role", "city")
    now = datetime.now(UTC)
    old = now - timedelta(days=20)
    with database.write() as db:
        db.execute(app_users.update().values(created_at=old))
        sign = accounts.Sign("org.koboc.collect.android/v2025.3.3 x", "collect:x", -7_300)
        accounts.seen(db, 1, now, sign)
        accounts.revoke(db, 3, now)
    lan, minh, hoa = cayda.json("phone", "list")["phones"]
    assert (lan["app"], lan["clock_offset_seconds"], lan["worries"]) == (
        "KoboCollect v2025.3.3", -7_300, ["clock"],
    )  # fmt: skip
    assert (minh["quiet_days"], minh["worries"]) == (20, ["quiet"])
    assert hoa["worries"] == []
    assert "KoboCollect v2025.3.3" in cayda("phone", "list").stdout
    status = cayda("status")
    assert status.exit_code == GOOD
    assert "Minh (máy/phone 2): im lặng 20 ngày" in status.stdout
    assert "đồng hồ lệch −2 h" in status.stdout
    assert "Hoa" not in status.stdout
    assert [one["id"] for one in cayda.json("status")["phones_to_ask"]] == [1, 2]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "+0 min"), (700, "+11 min"), (-7_300, "−2 h"), (200_000, "+2 d"), (None, "+0 min")],
)
def test_a_clocks_error_is_said_as_people_would(seconds: int | None, text: str) -> None:
    assert clock_text(seconds) == text


# ------------------------------------------------------------------ people with passwords
@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        ("Lê Thị Bảy", "12345678", ["“le thi bay”"]),
        ("bay", "mật khẩu dài", ["Mật khẩu có dấu"]),
        ("Bảy", "mật khẩu dài", ["“bay”", "Mật khẩu có dấu"]),
        ("bay", "12345678", []),
    ],
)
def test_who_could_not_sign_in_on_a_phone_is_told_a_name_that_can(
    cayda: Cayda,  # noqa: F811
    name: str,
    password: str,
    said: list[str],
) -> None:
    call = ("user", "add", name, "--role", "city", "--password-stdin")
    found = cayda.json(*call, text=f"{password}\n")["warnings"]
    assert len(found) == len(said)
    assert all(word in warning for word, warning in zip(said, found, strict=True))


def test_a_password_is_set_anew(cayda: Cayda, database: Database) -> None:  # noqa: F811
    cayda("user", "add", "bay", "--role", "city", "--password-stdin", text="12345678\n")
    call = ("user", "password", "bay", "--password-stdin")
    assert cayda(*call, text="another one\n").exit_code == GOOD
    with database.read() as db:
        user = accounts.find_user(db, "bay")
    assert accounts.check(user, "another one")
    assert not accounts.check(user, "12345678")
    assert cayda(*call, text="short\n").exit_code == MISUSED
    nobody = cayda("user", "password", "nobody", "--password-stdin", text="12345678\n")
    assert nobody.exit_code == WRONG
