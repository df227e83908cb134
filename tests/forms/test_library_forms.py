"""Every form of the library compiles without warning, passes ODK Validate, keeps our rules."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from forms.library import OWN_LIBRARY, LibraryForm, load_library
from forms.sheets import read_markdown

FORMS = load_library().forms
VI, EN = "Tiếng Việt (vi)", "English (en)"
EACH_FORM = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
Cells = dict[str, str]


def rows(form: LibraryForm, sheet: str) -> list[Cells]:
    table = read_markdown(form.source).tables[sheet]
    named = (zip(table.header, row.cells, strict=False) for row in table.rows)
    return [{head: text for head, text in cells if head and text} for cells in named]


def xform(form: LibraryForm, warnings: list[str]) -> str:
    from pyxform.xls2xform import convert  # slow to import

    made: str = convert(form.source, warnings=warnings, file_type=".md").xform
    return made


# ------------------------------------------------------------------ the reference tools
@EACH_FORM
def test_it_compiles_without_a_warning(form: LibraryForm) -> None:
    warnings: list[str] = []
    xform(form, warnings)
    assert warnings == []


@EACH_FORM
def test_it_compiles_to_the_same_bytes_again(form: LibraryForm) -> None:
    assert xform(form, []) == xform(form, [])


@EACH_FORM
def test_it_passes_odk_validate(form: LibraryForm, tmp_path: Path) -> None:
    if shutil.which("java") is None and not os.environ.get("CI"):
        pytest.skip("ODK Validate needs Java, which is not installed here; CI runs it.")
    jar = files("pyxform") / "validators/odk_validate/bin/ODK_Validate.jar"
    file = tmp_path / f"{form.xml_form_id}.xml"
    file.write_text(xform(form, []), "utf-8")
    said = subprocess.run(
        ["java", "-Djava.awt.headless=true", "-jar", str(jar), str(file)],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (said.returncode, said.stderr) == (0, ""), said.stderr


@EACH_FORM
def test_our_own_check_finds_nothing(form: LibraryForm) -> None:
    from forms.xlsform import check

    assert check(form.source, "md", form.xml_form_id) == []


# ------------------------------------------------------------------ what every form has
@EACH_FORM
def test_the_phone_records_when_and_who_but_never_where(form: LibraryForm) -> None:
    survey = rows(form, "survey")
    assert [row["type"] for row in survey[:6]] == [
        "start", "end", "today", "deviceid", "username", "audit",
    ]  # fmt: skip
    assert "parameters" not in survey[5]  # location would be asked for there
    assert not any(row["type"].startswith(("geo", "start-geo")) for row in survey)


@EACH_FORM
def test_id_version_and_default_language_are_set(form: LibraryForm) -> None:
    (settings,) = rows(form, "settings")
    assert settings["form_id"] == form.path.stem == form.xml_form_id
    assert re.fullmatch(r"20\d{6}\d\d", settings["version"])
    assert settings["default_language"] == VI


@EACH_FORM
def test_the_name_in_collects_list_holds_nothing_of_a_person(form: LibraryForm) -> None:
    (settings,) = rows(form, "settings")
    named = set(re.findall(r"\$\{(\w+)\}", settings["instance_name"]))
    assert named
    days = {"visit_date", "act_date", "help_date", "txn_date", "disbursed_on", "pay_date"}
    assert named <= {"start", "club_label", *days}


@EACH_FORM
def test_every_text_is_there_in_vietnamese_and_in_english(form: LibraryForm) -> None:
    for row in [*rows(form, "survey"), *rows(form, "choices")]:
        for text in ("label", "hint", "required_message", "constraint_message"):
            there = (f"{text}::{VI}" in row, f"{text}::{EN}" in row)
            assert there in ((True, True), (False, False)), row["name"]


@EACH_FORM
def test_every_question_has_a_label_and_says_why_it_refuses(form: LibraryForm) -> None:
    for row in rows(form, "survey"):
        asked = not row["type"].startswith(
            ("start", "end", "today", "deviceid", "username", "audit", "calculate", "csv-external")
        )
        assert (f"label::{VI}" in row) == asked, row
        assert ("required" in row) == (f"required_message::{VI}" in row), row
        assert ("constraint" in row) == (f"constraint_message::{VI}" in row), row


def vietnamese_texts(form: LibraryForm) -> Iterator[str]:
    for row in [*rows(form, "survey"), *rows(form, "choices")]:
        yield from (text for heading, text in row.items() if heading.endswith(VI))


@EACH_FORM
def test_vietnamese_is_composed_and_not_shouted(form: LibraryForm) -> None:
    from unicodedata import is_normalized

    for text in vietnamese_texts(form):
        assert is_normalized("NFC", text)
        shouted = re.findall(r"\b[A-ZĐÁÀẢÃẠĂÂÊÔƠƯ]{4,}\b", text)
        assert set(shouted) <= {"UBND", "CCCD", "BHYT"}, text
        assert "đối tượng" not in text.lower()


@EACH_FORM
def test_names_and_codes_are_plain_ascii(form: LibraryForm) -> None:
    for row in rows(form, "survey"):
        if not row["type"].startswith("end_"):
            assert re.fullmatch(r"[a-z][a-z0-9_]*", row["name"]), row["name"]
    for row in rows(form, "choices"):
        assert re.fullmatch(r"[a-z0-9][a-z0-9_]*", row["name"]), row["name"]


@EACH_FORM
def test_no_two_questions_share_a_name(form: LibraryForm) -> None:
    names = [row["name"] for row in rows(form, "survey") if not row["type"].startswith("end_")]
    assert sorted(names) == sorted(set(names))


@EACH_FORM
def test_none_excludes_every_other_choice(form: LibraryForm) -> None:
    alone = {row["list_name"] for row in rows(form, "choices") if row["name"] == "none"}
    for row in rows(form, "survey"):
        kind, _, choices = row["type"].partition(" ")
        if kind == "select_multiple" and choices in alone:
            assert "count-selected(.) > 1" in row["constraint"], row["name"]


# ------------------------------------------------------------------ consent
def test_without_consent_nothing_but_the_refusal_is_asked() -> None:
    survey = rows(FORMS["membership"], "survey")
    asked = [row["name"] for row in survey if "name" in row]
    everything_else = asked.index("registration")
    assert survey[[row.get("name") for row in survey].index("registration")]["relevant"] == (
        "${c_member} = 'yes'"
    )
    before = {"club", "consent_read", "consent_date", "c_member"}
    questions = {
        row["name"]
        for row in survey
        if row.get("name") in asked[:everything_else] and "required" in row
    }
    assert questions == before
    last = survey[-1]
    assert last["type"] == "end_group"  # of `registration`: nothing is asked behind it
    (entity,) = rows(FORMS["membership"], "entities")
    assert entity["create_if"].startswith("${c_member} = 'yes' and ")


@pytest.mark.parametrize("name", ["c_member", "c_health", "c_care", "c_photo", "glu_unit"])
def test_consent_and_the_unit_of_glucose_have_no_default(name: str) -> None:
    found = [
        row for form in FORMS.values() for row in rows(form, "survey") if row.get("name") == name
    ]
    assert found
    assert all("default" not in row and "required" in row for row in found)


def test_the_notice_read_aloud_is_at_most_150_words() -> None:
    notices = [
        row[f"label::{VI}"]
        for row in rows(FORMS["membership"], "survey")
        if row.get("name", "").startswith("notice_")
    ]
    assert len(notices) == 5
    assert sum(len(text.split()) for text in notices) <= 150


def test_a_health_check_of_someone_who_did_not_agree_records_nothing() -> None:
    survey = {row["name"]: row for row in rows(FORMS["health_check"], "survey") if "name" in row}
    assert survey["checkup"]["relevant"] == "${member_c_health} = 'yes'"
    (entity,) = rows(FORMS["health_check"], "entities")
    assert "${member_c_health} = 'yes'" in entity["update_if"]


def test_pictures_and_pressure_at_home_need_their_consent() -> None:
    survey = {row["name"]: row for row in rows(FORMS["care_visit"], "survey") if "name" in row}
    assert survey["picture"]["relevant"] == "${client_c_photo} = 'yes'"
    assert survey["photo"]["parameters"] == "max-pixels=1024"
    assert "${client_c_health} = 'yes'" in survey["sys"]["relevant"]


# ------------------------------------------------------------------ the phone warns as the server
def test_the_phones_warnings_use_the_cut_offs_of_the_thresholds() -> None:
    thresholds = tomllib.loads((OWN_LIBRARY / "health/thresholds.toml").read_text("utf-8"))
    pressure, glucose = thresholds["blood_pressure"][-1], thresholds["glucose"][-1]
    urgent, high = pressure["urgent"], pressure["high"]
    for name, prefix in (("health_check", "_mean"), ("care_visit", "")):
        survey = {row["name"]: row for row in rows(FORMS[name], "survey") if "name" in row}
        limits = f"${{sys{prefix}}} >= %(systolic)s or ${{dia{prefix}}} >= %(diastolic)s"
        assert survey["pressure_urgent_note"]["relevant"] == limits % urgent
        assert limits % high in survey["pressure_high_note"]["relevant"]
        assert f"< {pressure['low_below']}" in survey["pressure_low_note"]["relevant"]
    check = {row["name"]: row for row in rows(FORMS["health_check"], "survey") if "name" in row}
    for unit in ("mmol", "mgdl"):
        limits = glucose[unit]
        wanted = (
            f"${{glu_val}} < {limits['urgent_below']:g} or ${{glu_val}} >= {limits['urgent']:g}"
        )
        assert wanted in check["glu_urgent"]["calculation"]
        low, top = limits["reading"]
        assert (
            f"${{glu_unit}} = '{unit}' and . >= {low} and . <= {top}"
            in (check["glu_val"]["constraint"])
        )


def test_what_the_phone_bars_the_server_does_not_read() -> None:
    thresholds = tomllib.loads((OWN_LIBRARY / "health/thresholds.toml").read_text("utf-8"))
    check = {row["name"]: row for row in rows(FORMS["health_check"], "survey") if "name" in row}
    pressure, body = thresholds["blood_pressure"][-1], thresholds["body"][-1]
    for name, (low, top) in {
        "sys1": pressure["systolic"],
        "dia1": pressure["diastolic"],
        "weight": body["weight"],
        "height": body["height"],
    }.items():
        assert check[name]["constraint"].startswith(f". >= {low} and . <= {top}")
