"""What an edit changed, by field: places, labels, old and new."""

from __future__ import annotations

from forms.difference import Change, Filled, answers, difference
from tests.forms.made import a_schema, an_instance

FORM = """
| survey |              |          |             |
|        | type         | name     | label       |
|        | begin group  | who      | Ai          |
|        | text         | name     | Tên         |
|        | end group    |          |             |
|        | integer      | kg       | Cân nặng    |
|        | begin repeat | supplies | Vật tư      |
|        | text         | item     | Món         |
|        | end repeat   |          |             |
| settings |            |          |             |
|        | form_id      | version  |             |
|        | visit        | 1        |             |
"""
LATER = FORM.replace("Cân nặng", "Cân nặng (kg)").replace("| 1        |", "| 2        |")


def filled(inner: str, markdown: str = FORM) -> Filled:
    return Filled(a_schema(markdown), an_instance(inner))


def a_supply(item: str) -> str:
    return f"<supplies><item>{item}</item></supplies>"


OLD = "<who><name>Lan</name></who><kg>50</kg>" + a_supply("gạo") + a_supply("sữa")


def test_the_same_answers_differ_in_nothing_whatever_the_spaces_between() -> None:
    indented = OLD.replace("><", ">\n    <")
    assert difference(filled(OLD), filled(indented)) == ()


def test_a_change_has_its_label_and_both_answers() -> None:
    new = OLD.replace("50", "52").replace("Lan", "Lân")
    assert difference(filled(OLD), filled(new)) == (
        Change("name", "Tên", "Lan", "Lân"),
        Change("kg", "Cân nặng", "50", "52"),
    )


def test_repeats_are_compared_by_their_place() -> None:
    new = OLD.replace("sữa", "muối") + a_supply("dầu")
    assert difference(filled(OLD), filled(new)) == (
        Change("supplies[2]/item", "Món", "sữa", "muối"),
        Change("supplies[3]/item", "Món", None, "dầu"),
    )
    (gone,) = difference(filled(OLD), filled(OLD.replace(a_supply("sữa"), "")))
    assert gone == Change("supplies[2]/item", "Món", "sữa", None)


def test_two_form_versions_are_each_read_with_their_own() -> None:
    new = OLD.replace("<kg>50</kg>", "<kg>51</kg>")
    assert difference(filled(OLD), filled(new, LATER)) == (
        Change("kg", "Cân nặng (kg)", "50", "51"),
    )
    assert difference(filled(new, LATER), filled(OLD))[0].label == "Cân nặng"


def test_an_answer_that_no_question_asks_is_compared_without_a_label() -> None:
    (change,) = difference(filled(OLD), filled(OLD + "<pulse>80</pulse>"))
    assert change == Change("pulse", None, None, "80")


def test_answers_come_in_the_order_of_the_form() -> None:
    found = [(one.path, one.text) for one in answers(filled("<kg>50</kg>" + OLD.split("<kg>")[0]))]
    assert found == [("name", "Lan"), ("kg", "50")]


def test_withheld_answers_are_in_no_list_and_no_difference() -> None:
    old, new = filled(OLD + "<odd>1</odd>"), filled(OLD.replace("Lan", "Hoa").replace("50", "51"))
    assert [one.path for one in answers(old, without=("who",))] == [
        *("kg", "supplies[1]/item", "supplies[2]/item")
    ]
    assert [one.path for one in difference(old, new, without=("kg",))] == ["name"]


def test_answers_are_told_in_words_and_compared_as_they_were_sent() -> None:
    old, new = filled(OLD), filled(OLD.replace("Lan", "Hoa"))
    (change,) = difference(old, new, show=lambda field, text: f"{field and field.name} …")
    assert (change.old, change.new) == ("name …", "name …")
