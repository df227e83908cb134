"""forms/flatten.py: every answer once, whatever the version it was made with."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.flatten import Flat, Row, flatten
from forms.instance import read_instance
from forms.schema import read_schema
from forms.text import nfc
from forms.xml import Element
from tests.forms.made import VISIT, a_schema, an_instance, bench_form, bench_instances


def flat(inner: str, meta: str = "") -> Flat:
    return flatten(a_schema(VISIT), an_instance(inner, meta=meta))


def flags(found: Flat) -> list[tuple[str, str]]:
    return [(p.code, p.details["field"]) for p in found.problems]


def test_answers_stand_under_their_columns() -> None:
    found = flat(
        "<today>2026-06-30</today><who><club>c1</club><client>m1</client><n>3</n></who>"
        "<ok>yes</ok><tasks>cook cook_big</tasks><tail><n>62.5</n><place>16.0 108.2 0 0</place>"
        "<seen>OK</seen></tail>"
    )
    assert found.rows == (
        Row(
            "",
            "",
            None,
            {
                "today": "2026-06-30",
                "club": "c1",
                "client": "m1",
                "n": "3",
                "ok": "yes",
                "tasks": "cook cook_big",
                "tail/n": "62.5",
                "place": "16.0 108.2 0 0",
                "seen": "OK",
            },
        ),
    )
    assert found.problems == ()


def test_absent_and_blank_answers_have_no_key() -> None:
    assert flat("<ok/><tasks> \n</tasks><who><n></n></who>").rows[0].answers == {}


def test_repeats_become_rows_that_know_where_they_stand() -> None:
    found = flat(
        "<supplies><what>gạo</what><inside><photos><photo>1.jpg</photo></photos>"
        "<photos><photo>2.jpg</photo></photos></inside></supplies>"
        "<supplies><what>dầu</what><n>2</n><inside/></supplies><ok>no</ok>"
    )
    assert found.rows == (
        Row("", "", None, {"ok": "no"}),
        Row("supplies", "supplies[1]", "", {"what": "gạo"}),
        Row("supplies/photos", "supplies[1]/photos[1]", "supplies[1]", {"photo": "1.jpg"}),
        Row("supplies/photos", "supplies[1]/photos[2]", "supplies[1]", {"photo": "2.jpg"}),
        Row("supplies", "supplies[2]", "", {"what": "dầu", "n": "2"}),
    )


def test_c17_two_thousand_rows_and_an_empty_one() -> None:
    found = flat("<supplies><what>x</what></supplies>" * 2000 + "<supplies>\n</supplies>")
    assert len(found.rows) == 2002
    assert found.rows[-1] == Row("supplies", "supplies[2001]", "", {})


def test_a_template_is_no_answer() -> None:
    found = flat('<supplies jr:template=""><what>x</what></supplies><supplies><n>1</n></supplies>')
    assert [row.position for row in found.rows] == ["", "supplies[1]"]


def test_c8_text_and_file_names_are_composed() -> None:
    decomposed = unicodedata.normalize("NFD", "ảnh nhà.jpg")
    found = flat(f"<other>{decomposed}</other><supplies><inside><photos><photo>{decomposed}</photo>"
                 "</photos></inside></supplies>")  # fmt: skip
    assert found.rows[0].answers == {"other": "ảnh nhà.jpg"}
    assert found.files == ("ảnh nhà.jpg",)


def test_files_are_the_names_in_answers_and_the_audit_once_each() -> None:
    photo = "<inside><photos><photo>{}</photo></photos></inside>"
    found = flat(
        f"<supplies>{photo.format('1.jpg')}</supplies>"
        f"<supplies>{photo.format(' 1.jpg ')}</supplies>"
        f"<supplies>{photo.format('/sdcard/2.jpg')}</supplies>",
        meta="<audit>audit.csv</audit>",
    )
    assert found.files == ("1.jpg", "2.jpg", "audit.csv")


def test_text_keeps_its_outer_spaces_and_line_ends_but_codes_do_not() -> None:
    found = flat("<other> a\n b </other><ok>\n yes </ok>")
    assert found.rows[0].answers == {"other": " a\n b ", "ok": "yes"}
    assert found.problems == ()


@pytest.mark.parametrize("number", ["0", "-3", "+3", "5.0", "1.0E7", "1.0E-4", ".5", " 7 "])
def test_javas_numbers_are_numbers(number: str) -> None:
    assert flat(f"<tail><n>{number}</n></tail>").problems == ()


@pytest.mark.parametrize("text", ["62,5", "Infinity", "NaN", "1_000", "٣", "x", "1 2", "1e"])
def test_what_is_no_number_is_kept_and_flagged(text: str) -> None:
    found = flat(f"<tail><n>{text}</n></tail>")
    assert found.rows[0].answers == {"tail/n": text}
    assert flags(found) == [("not_a_number", "n")]


@pytest.mark.parametrize("answer", ["maybe", "ye", "yes no", "Có"])
def test_c13_an_unknown_choice_is_kept_and_flagged(answer: str) -> None:
    found = flat(f"<ok>{answer}</ok>")
    assert found.rows[0].answers == {"ok": answer}
    assert flags(found) == [("unknown_choice", "ok")]


def test_c13_a_choice_that_starts_like_another_is_not_the_other() -> None:
    assert flags(flat("<tasks>cook_big</tasks>")) == []
    assert flags(flat("<tasks>cook coo</tasks>")) == [("unknown_choice", "tasks")]


def test_choices_from_a_file_are_not_judged_here() -> None:
    assert flat("<who><client>anyone</client></who>").problems == ()


def test_a_slip_in_every_repeat_is_flagged_once() -> None:
    assert flags(flat("<supplies><n>x</n></supplies>" * 5)) == [("not_a_number", "n")]


def test_c11_a_question_the_form_does_not_have_is_kept_and_flagged() -> None:
    found = flat("<who><weight>50</weight></who><deep><er><x>1</x></er></deep><blank/>")
    assert found.rows[0].answers == {"weight": "50", "x": "1"}
    assert flags(found) == [("not_in_form", "weight"), ("not_in_form", "x")]


def test_c11_a_question_that_moved_keeps_its_column() -> None:
    assert flat("<elsewhere><other>x</other></elsewhere>").rows[0].answers == {"other": "x"}


def test_c11_a_moved_answer_does_not_push_out_a_present_one() -> None:
    found = flat("<old><other>1</other></old><other>2</other>")
    assert found.rows[0].answers == {"other": "2", "old/other": "1"}


def test_an_unknown_repeat_is_kept_whole() -> None:
    found = flat("<new><x>1</x></new><new><x>2</x></new><new><x>3</x></new><new><x>4</x></new>")
    assert found.rows[0].answers == {"x": "1", "new/x": "2", "new/x[2]": "3", "new/x[3]": "4"}
    assert flags(found) == [("not_in_form", "x")]


def test_a_question_sent_twice_and_a_group_that_is_text_are_kept() -> None:
    found = flat("<ok>yes</ok><ok>no</ok><who>text</who><other><inner>y</inner></other>")
    assert found.rows[0].answers == {"ok": "yes", "ok[2]": "no", "who": "text", "inner": "y"}


def test_a_repeat_that_is_text_is_kept_and_flagged() -> None:
    found = flat("<supplies>rice</supplies>")
    assert found.rows == (Row("", "", None, {"supplies": "rice"}),)
    assert flags(found) == [("not_in_form", "supplies")]


def test_entities_and_ids_in_meta_are_no_answers() -> None:
    found = flat("", meta='<entity dataset="m" id="1" update="1"><label>L</label></entity>')
    assert found.rows == (Row("", "", None, {}),)
    assert found.problems == ()


def test_of_an_encrypted_submission_only_the_file_names_are_known() -> None:
    instance = read_instance(
        b"""<data xmlns="http://opendatakit.org/submissions" encrypted="yes" id="visit">
        <media><file>1.jpg.enc</file></media><media><file>2.jpg.enc</file></media>
        <encryptedXmlFile type="file">submission.xml.enc</encryptedXmlFile></data>"""
    )
    found = flatten(a_schema(VISIT), instance)
    assert found == Flat(
        (Row("", "", None, {}),), ("1.jpg.enc", "2.jpg.enc", "submission.xml.enc"), ()
    )


def test_the_benchs_instances_fit_its_form_exactly() -> None:
    schema = read_schema(bench_form())
    for data in bench_instances(50):
        instance = read_instance(data)
        found = flatten(schema, instance)
        assert found.problems == ()
        assert answered(found) == leaves(instance.root)


answer = st.text(st.sampled_from("aăâđ yes1 \u0301"), min_size=1, max_size=6)
NAMES = ["ok", "other", "n", "what", "x", "supplies", "who"]
leaf = st.tuples(st.sampled_from(NAMES), answer)
node = st.recursive(
    leaf.map(lambda pair: f"<{pair[0]}>{pair[1]}</{pair[0]}>"),
    lambda inner: st.tuples(
        st.sampled_from(["who", "supplies", "inside", "photos", "tail", "odd", "ok"]),
        st.lists(inner, max_size=4),
    ).map(lambda pair: f"<{pair[0]}>{''.join(pair[1])}</{pair[0]}>"),
    max_leaves=15,
)


@given(st.lists(node, max_size=6))
def test_no_answer_is_ever_lost(nodes: list[str]) -> None:
    instance = an_instance("".join(nodes))
    assert answered(flatten(a_schema(VISIT), instance)) == leaves(instance.root)


def answered(found: Flat) -> list[str]:
    return sorted(text.strip() for row in found.rows for text in row.answers.values())


def leaves(root: Element) -> list[str]:
    """The texts of an instance's nodes, NFC, without those of meta."""
    texts = [node.text or "" for node in root.iterfind(".//*") if not len(node)]
    own = [node.text or "" for node in root.iterfind("meta//*")]
    found = Counter(texts) - Counter(own)
    return sorted(nfc(text).strip() for text in found.elements() if text.strip())
