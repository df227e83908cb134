"""The library loads fast, and a rule that names what no form has is told with its place."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from forms.library import OWN_LIBRARY, Download, LibraryError, load_library, read_library

NEVER_ON_A_PHONE = {  # domain 3.9
    "id_number", "id_kind", "insurance", "insurance_last4", "birth_date", "birth_month",
    "hh_class", "hh_class_src", "disability", "chronic", "on_med", "phq_a", "phq_b", "phq2",
    "consent_ref", "consent_name", "full_name", "phone", "address_note",
}  # fmt: skip


@pytest.fixture
def library_folder(tmp_path: Path) -> Path:
    """A copy of the project's library that a test may spoil."""
    return shutil.copytree(OWN_LIBRARY, tmp_path / "library")


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def what_is_wrong(folder: Path) -> str:
    with pytest.raises(LibraryError) as raised:
        load_library(folder)
    return str(raised.value)


def test_the_library_has_the_three_forms_and_their_rules() -> None:
    library = load_library()
    assert {"membership", "health_check", "care_visit"} <= library.forms.keys()
    assert library.rules.keys() == library.forms.keys()
    assert {"members", "clubs"} <= library.lists.keys()
    assert library.indicators
    assert len(library.units) > 200
    assert library.problems == ()


def test_loading_takes_less_than_a_third_of_a_second() -> None:
    load_library()  # imports
    began = time.process_time()  # what else the machine does is not the library's
    read_library(OWN_LIBRARY)
    assert time.process_time() - began < 0.3


def test_the_library_is_read_once_per_process() -> None:
    assert load_library() is load_library(OWN_LIBRARY)


def test_a_visit_logged_by_both_helpers_is_one_event() -> None:
    rule = load_library().rules["care_visit"]
    assert rule.same_event is not None
    assert rule.same_event.where == {"outcome": ("met",)}
    assert rule.same_event.start == "start_time"
    assert rule.same_event.within_minutes == 60
    assert rule.same_event.unite["minutes"] == "max"
    assert rule.resent_within_days == 7


def test_a_meeting_is_one_event_of_the_club_by_its_kind_and_hour() -> None:
    rule = load_library().rules["activity"]
    assert rule.subject is None
    assert rule.same_event is not None
    assert (rule.same_event.same, rule.same_event.within_minutes) == (("kind",), None)
    assert rule.same_event.unite["roster"] == "union"
    assert rule.same_event.unite["present_total"] == "max"


def test_a_new_member_is_the_subject_of_the_form_that_makes_it() -> None:
    rule = load_library().rules["membership"]
    assert (rule.creates, rule.subject, rule.subject_list) == ("members", None, "members")
    assert (rule.happened_on, rule.happened_on_else) == ("join_date", "consent_date")


def test_a_measure_of_the_domain_is_called_with_answers() -> None:
    derive = load_library().rules["health_check"].derive
    assert derive is not None
    assert derive({"sys1": "150", "dia1": "80"})["bp_high"] == "yes"


def test_born_on_comes_from_the_three_columns_of_a_birth() -> None:
    facts = {fact.name: fact for fact in load_library().lists["members"].facts}
    birth = facts["born_on"].birth
    assert birth is not None
    assert (birth.date, birth.month, birth.year) == ("birth_date", "birth_month", "birth_year")
    assert facts["disability"].multi


# ------------------------------------------------------------------ phones
def test_no_list_on_a_phone_holds_what_must_never_be_there() -> None:
    for one in load_library().lists.values():
        assert not NEVER_ON_A_PHONE & {*one.properties}
        for download in one.downloads.values():
            assert not NEVER_ON_A_PHONE & {*download.properties}


def test_the_way_to_a_house_is_only_on_the_phones_of_who_goes_there() -> None:
    private = {"landmark", "contact_phone", "safety"}
    having = {
        (one.name, role)
        for one in load_library().lists.values()
        for role, download in one.downloads.items()
        if private & {*download.properties}
    }
    assert having == {("care_clients", "volunteer")}


@pytest.mark.parametrize("role", ["volunteer", "chair"])
def test_who_is_cared_for_is_known_by_what_holds_today(role: str) -> None:
    sent = load_library().lists["care_clients"].downloads[role].takes
    found = {"is_member": "active", "agrees_to_care": "yes", "care_level": "temporary"}
    assert sent(found)
    for name, other in (("is_member", "left"), ("agrees_to_care", "no"), ("care_level", "no")):
        assert not sent({**found, name: other})
        assert not sent({**found, name: ""})


def test_offices_that_see_only_figures_get_no_persons() -> None:
    allowed = {"volunteer", "chair", "treasurer", "health", "commune"}
    assert load_library().lists["members"].downloads.keys() == allowed


def test_on_pages_persons_are_for_who_works_with_them_and_loans_for_the_treasurer() -> None:
    lists = load_library().lists
    assert lists["members"].pages.keys() == {"chair", "treasurer", "health", "commune"}
    assert lists["loans"].pages.keys() == {"treasurer"}
    assert "city" in lists["clubs"].pages
    for role, page in lists["members"].pages.items():
        clinical = {"last_height", "safety"} & {*page.properties}
        assert not clinical or role == "health"
        classed = {"hh_class", "no_support"} & {*page.facts}
        assert not classed or role in ("chair", "commune")


def test_who_took_back_the_consent_to_be_kept_is_on_no_page() -> None:
    for page in load_library().lists["members"].pages.values():
        found = {"status": "active", "is_member": "active", "c_health": "yes"}
        assert page.takes(found)
        assert not page.takes({**found, "status": "withdrawn"})
        assert not page.takes({**found, "is_member": "withdrawn"})
    health = load_library().lists["members"].pages["health"]
    assert not health.takes({"status": "active", "is_member": "active"})


def test_a_page_that_names_a_missing_fact_is_told(library_folder: Path) -> None:
    change(library_folder / "members/lists.toml", '"status", "club", "board_role"]', '"song"]')
    assert "treasurer.song" in what_is_wrong(library_folder)


def test_a_volunteer_gets_who_agreed_to_be_known_and_the_other_volunteers() -> None:
    sent = load_library().lists["members"].downloads["volunteer"].takes
    assert sent({"status": "active", "c_care": "yes", "is_volunteer": "no"})
    assert sent({"status": "active", "c_care": "no", "is_volunteer": "yes"})
    assert not sent({"status": "active", "c_care": "no", "is_volunteer": "no"})
    assert not sent({"status": "left", "c_care": "yes", "is_volunteer": "yes"})


def test_a_health_worker_gets_only_those_who_agreed_to_health_data() -> None:
    sent = load_library().lists["members"].downloads["health"].takes
    assert sent({"status": "active", "c_health": "yes"})
    assert not sent({"status": "active", "c_health": "no"})
    assert not sent({"status": "active"})


def test_the_board_sees_no_earlier_value_of_a_check() -> None:
    assert "last_height" not in load_library().lists["members"].downloads["chair"].properties


def test_a_download_without_conditions_takes_every_row() -> None:
    assert Download("all", {}, ()).takes({})


@pytest.mark.parametrize("form", load_library().forms)
def test_who_fills_in_a_form_gets_the_properties_its_choices_ask_for(form: str) -> None:
    library = load_library()
    source = library.forms[form].source.decode("utf-8")
    for name, rule in library.lists.items():
        filters = [line for line in source.splitlines() if f"_from_file {name}.csv" in line]
        named = {
            one
            for one in rule.properties
            for line in filters
            if f"{one} =" in line or f"{one} !=" in line
        }
        for role in library.rules[form].filled_by if filters else ():
            assert named <= {*rule.downloads[role].properties}, role


# ------------------------------------------------------------------ slips
def test_a_rule_that_names_a_missing_field_is_told(library_folder: Path) -> None:
    change(library_folder / "care/forms.toml", '"visit_date"', '"visit_day"')
    said = what_is_wrong(library_folder)
    assert "care_visit" in said
    assert "không có “visit_day”" in said
    assert "nothing is called “visit_day”" in said


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("fund", 'since = "overpaid"', 'since = "overpayed"', "“overpayed”"),
        ("fund", 'same = ["member", ', 'same = ["borrower", ', "“borrower”"),
        ("fund", "during = { status", "during = { state", "“state”"),
        ("fund", 'creates = "loans"', 'subject_list = "loans"', "another needs creates"),
        ("fund", '"batch_total_vnd"', '"batch_sum_vnd"', "“batch_sum_vnd”"),
        ("fund", 'since = "overpaid"\n', "", "a flag needs a condition"),
        ("activities", 'same = ["kind"]', 'same = ["sort"]', "“sort”"),
        ("activities", "same_hour = true", "within_hours = 1", "“within_hours”"),
        ("activities", "same_hour = true\n", "", "needs one of within_minutes"),
    ],
)
def test_what_a_flag_or_one_event_looks_at_must_exist(
    library_folder: Path, file: str, old: str, new: str, said: str
) -> None:
    change(library_folder / file / "forms.toml", old, new)
    assert said in what_is_wrong(library_folder)


def test_a_question_that_is_withheld_must_exist(library_folder: Path) -> None:
    change(library_folder / "care/forms.toml", '["sys", "dia"]', '["sys", "daa"]')
    assert "không có “read.commune.daa”" in what_is_wrong(library_folder)


def test_a_question_that_is_sealed_must_exist(library_folder: Path) -> None:
    change(library_folder / "health/forms.toml", '"bp_note"', '"bp_nte"')
    assert "không có “sealed.bp_nte”" in what_is_wrong(library_folder)


def test_a_rule_that_names_a_missing_choice_is_told(library_folder: Path) -> None:
    change(library_folder / "care/forms.toml", '["met"]', '["gap"]')
    assert "outcome = gap" in what_is_wrong(library_folder)


def test_a_list_that_cannot_be_read_is_told_in_its_file_and_not_in_every_form_that_names_it(
    library_folder: Path,
) -> None:
    change(library_folder / "members/lists.toml", "[members.computed]", "[members.computedd]")
    said = what_is_wrong(library_folder)
    assert "computedd" in said
    assert all("lists.toml" in line for line in said.splitlines()), said


def test_a_rule_that_names_a_missing_form_is_told(library_folder: Path) -> None:
    change(library_folder / "care/forms.toml", "[care_visit]", "[care_vist]")
    said = what_is_wrong(library_folder)
    assert "care_vist" in said
    assert "there is no such form" in said


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("where = { check_kind =", "where = { kind =", "health_check.kind"),
        ('{ is = "full" }', '{ is = "day_du" }', "health_check.check_kind = day_du"),
        ('count = "members"', 'count = "memberz"', "memberz"),
    ],
    ids=["field", "choice", "list"],
)
def test_an_indicator_that_names_what_is_not_there_is_told(
    library_folder: Path, old: str, new: str, told: str
) -> None:
    change(library_folder / "health/indicators.toml", old, new)
    assert told in what_is_wrong(library_folder)


def test_a_target_for_clubs_of_which_nothing_is_known_is_told(library_folder: Path) -> None:
    change(library_folder / "targets.toml", "{ programme =", "{ program =")
    assert "nothing is called “clubs.program”" in what_is_wrong(library_folder)


def test_a_download_that_names_a_missing_property_is_told(library_folder: Path) -> None:
    change(
        library_folder / "members/lists.toml", '"member_code", "club_id", "birth', '"cmnd", "birth'
    )
    assert "cmnd" in what_is_wrong(library_folder)


def test_a_fact_that_names_a_missing_field_is_told(library_folder: Path) -> None:
    change(library_folder / "members/lists.toml", 'field = "hh_class"', 'field = "dien_ho"')
    assert "membership.dien_ho" in what_is_wrong(library_folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("members/lists.toml", 'died = "died", moved', 'dyed = "died", moved', "exit_kind = dyed"),
        ("members/lists.toml", "over = { status", "over = { state", "state"),
        ("members/lists.toml", '"insurance_expiry"', '"insurance_end"', "membership.insurance_end"),
        (
            "clubs/lists.toml",
            'needs = "decision_no"',
            'needs = "decision"',
            "registration.decision",
        ),
        ("members/forms.toml", '["month"]', '["moon"]', "exit_precision = moon"),
        ("members/forms.toml", '{ exit_kind = ["dup', '{ exit = ["dup', "exit"),
        ("members/forms.toml", "rival = { board_role", "rival = { role", "role"),
    ],
    ids=["values", "over", "after", "needs", "month_end", "flag", "rival"],
)
def test_a_word_about_facts_that_names_what_is_not_there_is_told(
    library_folder: Path, file: str, old: str, new: str, told: str
) -> None:
    change(library_folder / file, old, new)
    said = what_is_wrong(library_folder)
    assert f"{told}”" in said


def test_codes_that_tell_other_values_need_a_field(library_folder: Path) -> None:
    change(
        library_folder / "members/lists.toml",
        'value = "active"',
        'value = "active"\nvalues = { yes = "active" }',
    )
    assert "values needs field" in what_is_wrong(library_folder)


def test_a_form_that_saves_to_an_unlisted_property_is_told(library_folder: Path) -> None:
    change(
        library_folder / "members/lists.toml", '"last_check_on", "last_height",', '"last_check_on",'
    )
    said = what_is_wrong(library_folder)
    assert "save_to “last_height”" in said


def test_an_unknown_word_is_told_with_the_words_there_are(library_folder: Path) -> None:
    change(library_folder / "health/forms.toml", "happened_on", "hapened_on")
    said = what_is_wrong(library_folder)
    assert "health/forms.toml" in said
    assert "no word “hapened_on”; use:" in said


def test_a_measure_that_does_not_exist_is_told(library_folder: Path) -> None:
    change(library_folder / "health/forms.toml", '"screen"', '"skreen"')
    assert "measures.py has no function “skreen”" in what_is_wrong(library_folder)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('tell = "loan_book"', 'tell = "loan_bok"', "stories.py has no function “loan_bok”"),
        ('forms = ["loan", "rep', 'forms = ["ledger", "rep', "“ledger” is not about “loans”"),
        ('facts = [\n  "status"', 'facts = [\n  "club", "status"', "“club” is told twice"),
        ('fact = "balance" }', 'fact = "balanse" }', "nothing is called “balanse”"),
        ("balance_principal = { fact", "balanse = { fact", "nothing is called “computed.balanse”"),
        ('{ fact = "balance" }', '{ latest = ["ledger"] }', "“ledger” is not about “loans”"),
        ('{ fact = "balance" }', '{ latest = ["loan"], column = "x" }', "called “loan.x”"),
        ('{ fact = "balance" }', '{ where = { x = ["y"] } }', "needs fact or latest"),
    ],
)
def test_a_story_or_a_computed_property_that_names_what_is_not_there_is_told(
    library_folder: Path, old: str, new: str, told: str
) -> None:
    change(library_folder / "fund/lists.toml", old, new)
    assert told in what_is_wrong(library_folder)


A_VIEW = """
[owed]
label = { vi = "Đang nợ", en = "Owed" }
of = "loans"

[owed.download.treasurer]
rows = "club"
properties = ["principal"]
"""


def test_a_view_holds_nothing_of_its_own(library_folder: Path) -> None:
    lists = library_folder / "fund/lists.toml"
    lists.write_text(lists.read_text("utf-8") + A_VIEW, "utf-8")
    assert [one.name for one in load_library(library_folder).rules_on("loans")] == ["loans", "owed"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('of = "loans"', 'of = "loanz"', "nothing is called “loanz”"),
        ('["principal"]', '["cmnd"]', "nothing is called “treasurer.cmnd”"),
        ('of = "loans"', 'of = "loans"\nclub = "club_id"', "no word “club”; use:"),
    ],
)
def test_a_view_of_what_is_not_there_is_told(
    library_folder: Path, old: str, new: str, told: str
) -> None:
    lists = library_folder / "fund/lists.toml"
    lists.write_text(lists.read_text("utf-8") + A_VIEW.replace(old, new), "utf-8")
    assert told in what_is_wrong(library_folder)


def test_a_form_may_not_change_what_is_only_a_view(library_folder: Path) -> None:
    lists = library_folder / "fund/lists.toml"
    lists.write_text(lists.read_text("utf-8") + A_VIEW, "utf-8")
    change(library_folder / "fund/repayment.md", "| | loans | ${loan}", "| | owed | ${loan}")
    assert "“owed” is only a view" in what_is_wrong(library_folder)


def test_a_way_to_unite_that_does_not_exist_is_told(library_folder: Path) -> None:
    change(library_folder / "care/forms.toml", '"max"', '"most"')
    assert "no way to unite “most”" in what_is_wrong(library_folder)


def test_what_is_not_toml_is_told_with_its_file(library_folder: Path) -> None:
    (library_folder / "care/lists.toml").write_text("[care\n", "utf-8")
    assert "care/lists.toml" in what_is_wrong(library_folder)


def test_a_folder_without_a_form_is_no_library(tmp_path: Path) -> None:
    assert "it holds no form" in what_is_wrong(tmp_path)
    assert "it holds no form" in what_is_wrong(tmp_path / "mistyped")


def test_a_row_that_markdown_would_lose_is_told(library_folder: Path) -> None:
    change(library_folder / "care/care_visit.md", "| | start | start |", "| x | start | start |")
    assert "care_visit.md" in what_is_wrong(library_folder)


def test_all_slips_are_told_at_once(library_folder: Path) -> None:
    change(library_folder / "care/forms.toml", '"visit_date"', '"visit_day"')
    change(library_folder / "members/lists.toml", 'field = "living"', 'field = "song"')
    said = what_is_wrong(library_folder)
    assert "visit_day" in said
    assert "membership.song" in said


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("roles.toml", '"work.read"', '"work.raed"', "roles.toml"),
        ("roles.toml", 'verbs = ["reports.read"]', "", "roles.toml"),
        ("roles.toml", "[treasurer]", "[accountant]", "treasurer"),
        ("care/follow_up.toml", 'since = "care_visit"', 'since = "care_vist"', "care_vist"),
        ("care/follow_up.toml", 'answer = "red"', 'answer = "rde"', "rde"),
        ("health/follow_up.toml", "still = { status", "still = { statos", "statos"),
        ("care/follow_up.toml", "days = [90, 1]", "days = [1, 90]", "days"),
        ("care/follow_up.toml", 'for = ["commune", "health"]', 'for = ["comune"]', "comune"),
        ("report.toml", 'id = "II"', 'id = "I"', "section “I” stands twice"),
        ("report.toml", 'of = ["B05", "B06", "B07"]', 'of = ["B05", "B66"]', "B66"),
        ("report.toml", 'kind = "targets"', 'kind = "pie"', "pie"),
        ("places/successions.csv", ",whole", ",merged", "places/successions.csv"),
        ("places/units.csv", "490@2006-01-01,district", "490@2006-01-01,hamlet", "hamlet"),
    ],
)
def test_roles_and_places_that_do_not_fit_are_told_with_their_file(
    library_folder: Path, file: str, old: str, new: str, told: str
) -> None:
    change(library_folder / file, old, new)
    assert told in what_is_wrong(library_folder)


def test_pairs_need_to_be_told_who_is_alike_and_nothing_stands_on_them(
    library_folder: Path,
) -> None:
    match, figures = (library_folder / f"members/{name}.toml" for name in ("match", "indicators"))
    change(match, 'facts = ["full_name"', 'facts = ["ten"')
    assert "“ten”" in what_is_wrong(library_folder)
    change(figures, 'pairs = "members"', 'pairs = "loans"')
    assert "match.toml [loans]" in what_is_wrong(library_folder)
    change(figures, "total = { B02a = 1, B02b = 1 }", "total = { B02a = 1, Q05 = 1 }")
    assert "cannot stand on “Q05”" in what_is_wrong(library_folder)
