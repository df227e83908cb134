"""forms/instance.py: who a submission says it is."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.instance import derived_id, read_instance
from forms.problems import Refused

ID = "uuid:11111111-1111-4111-8111-111111111111"


def codes(data: bytes) -> list[str]:
    return [problem.code for problem in read_instance(data).problems]


def refusal(data: bytes) -> str:
    with pytest.raises(Refused) as caught:
        read_instance(data)
    return caught.value.problem.code


def test_an_ordinary_submission_says_who_it_is() -> None:
    found = read_instance(
        f"""<?xml version='1.0' ?><data xmlns:orx="http://openrosa.org/xforms" id="visit"
        version="2026010201"><a>1</a><meta><instanceID>{ID}</instanceID>
        <deprecatedID>uuid:old</deprecatedID><instanceName>Ba\u0300 Ba</instanceName></meta>
        </data>""".encode()
    )
    assert (found.xml_form_id, found.version, found.instance_id) == ("visit", "2026010201", ID)
    assert (found.deprecated_id, found.instance_name) == ("uuid:old", "Bà Ba")
    assert not found.encrypted
    assert found.problems == ()
    assert found.root.findtext("a") == "1"


@pytest.mark.parametrize(
    "xml",
    [
        f'<data id="v"><meta><instanceID>{ID}</instanceID></meta></data>',
        f'<d xmlns:o="http://openrosa.org/xforms" id="v"><o:meta><o:instanceID>{ID}</o:instanceID>'
        "</o:meta></d>",
        f'<v xmlns="urn:v" id="v"><meta xmlns="http://openrosa.org/xforms"><instanceID>{ID}'
        "</instanceID></meta></v>",
        f'<data id="v" instanceID="{ID}"><a/></data>',
        f'<data id="v"><instanceID>{ID}</instanceID></data>',
        f'<d xmlns:o="urn:o" id="v"><meta><a/></meta><o:meta><o:instanceID>\n {ID} \n'
        "</o:instanceID></o:meta></d>",
    ],
    ids=["plain", "orx", "default namespaces", "root attribute", "root element", "two metas"],
)
def test_the_instance_id_is_found_wherever_clients_put_it(xml: str) -> None:
    found = read_instance(xml.encode())
    assert found.instance_id == ID
    assert found.version == ""
    assert found.problems == ()


def test_c24_the_instance_id_is_kept_verbatim() -> None:
    xml = '<data id="v"><meta><instanceID>UUID:ABC any/thing</instanceID></meta></data>'
    assert read_instance(xml.encode()).instance_id == "UUID:ABC any/thing"


@pytest.mark.parametrize("meta", ["", "<meta/>", "<meta><instanceID> </instanceID></meta>"])
def test_c32_a_missing_instance_id_is_derived_and_the_same_at_every_retry(meta: str) -> None:
    data = f'<data id="v"><a>1</a>{meta}</data>'.encode()
    first, second = read_instance(data), read_instance(data)
    assert first.instance_id == second.instance_id == derived_id(data)
    assert first.instance_id.startswith("uuid:")
    assert codes(data) == ["no_instance_id"]
    assert read_instance(data.replace(b"1", b"2")).instance_id != first.instance_id


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        (b"Ba\x00 L\x0ban", "Ba Lan"),
        (b"Ba&#8; L&#x0B;an", "Ba Lan"),
        (b"Ba\xff Lan", "Ba\ufffd Lan"),
        (b"Ba&#xFFFF;\xef\xbf\xbe Lan&#55357;", "Ba Lan"),
        (b"&#128512;&#10;\x01", "😀\n"),
    ],
)
def test_c16_control_characters_do_not_stop_a_submission(raw: bytes, read: str) -> None:
    data = b'<data id="v"><a>%s</a><meta><instanceID>x</instanceID></meta></data>' % raw
    assert read_instance(data).root.findtext("a") == read
    assert codes(data) == ["bad_characters"]


def test_c16_cleaning_uncovers_a_doctype() -> None:
    assert refusal(b'<!DOC\x00TYPE a [<!ENTITY x "y">]><data id="v">&x;</data>') == "xml_doctype"


def test_what_the_phone_sent_in_half_is_not_xml() -> None:
    assert refusal(b'<data id="v"><a>1</a>') == "not_xml"
    assert refusal(b'<?xml version="1.0" encoding="latin1"?><data id="v">\x00') == "not_xml"


def test_another_declared_encoding_is_read() -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?><data id="v"><a>à</a></data>'
    assert read_instance(text.encode("latin-1")).root.findtext("a") == "à"


@pytest.mark.parametrize("root", ["<data/>", '<data id=" "/>'])
def test_a_submission_without_a_form_is_refused(root: str) -> None:
    assert refusal(root.encode()) == "no_form_id"


@pytest.mark.parametrize(
    "namespace",
    ["http://www.opendatakit.org/xforms/encrypted", "http://opendatakit.org/submissions"],
)
def test_an_encrypted_envelope_is_known_as_one(namespace: str) -> None:
    data = f"""<data xmlns="{namespace}" encrypted="yes" id="v" version="7">
      <base64EncryptedKey>a</base64EncryptedKey>
      <orx:meta xmlns:orx="http://openrosa.org/xforms"><orx:instanceID>{ID}</orx:instanceID>
      </orx:meta><encryptedXmlFile>submission.xml.enc</encryptedXmlFile></data>""".encode()
    found = read_instance(data)
    assert (found.encrypted, found.instance_id, found.version) == (True, ID, "7")
    assert codes(data) == ["encrypted"]


@given(st.text(max_size=80))
def test_any_text_as_an_answer_is_read(answer: str) -> None:
    escaped = answer.replace("&", "&amp;").replace("<", "&lt;")
    data = f'<data id="v"><a>{escaped}</a></data>'.encode(errors="replace")
    assert read_instance(data).xml_form_id == "v"


@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(Refused):
        read_instance(data)


def test_reading_is_fast_enough_for_the_door() -> None:
    answers = "".join(f"<question_{n}>Nguyễn Thị {n}, tổ {n}</question_{n}>" for n in range(60))
    data = f'<data id="v">{answers}<meta><instanceID>{ID}</instanceID></meta></data>'.encode()
    best = min(_seconds(data) for _ in range(50))
    assert best < 0.003  # it is 0.0001: this catches a slip of kind, not of degree


def _seconds(data: bytes) -> float:
    start = time.perf_counter()
    read_instance(data)
    return time.perf_counter() - start
