"""What Collect and Enketo encrypt is opened with the key, and with nothing else."""

from __future__ import annotations

import base64
import os
from io import BytesIO

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from forms.encrypted import iv, iv_seed, open_envelope, read_envelope, read_private_key
from forms.form_key import new_pair
from forms.problems import Refused
from tests.sealing import COLLECT, ENKETO, envelope

INSTANCE_ID = "uuid:11111111-2222-4333-8444-555555555555"
XML = b'<data id="visit" version="7"><note>M\xc3\xa1 M\xc6\xb0\xc6\xa1i</note></data>'
PRIVATE, PUBLIC = new_pair()


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return read_private_key(PRIVATE)


def a_phones_envelope(
    files: dict[str, bytes], namespace: str = COLLECT, version: str | None = "7"
) -> tuple[bytes, dict[str, bytes]]:
    return envelope(PUBLIC, XML, files, INSTANCE_ID, "visit", version, namespace)


def opened(key: RSAPrivateKey, xml: bytes, files: dict[str, bytes]) -> bytes:
    return open_envelope(
        read_envelope(xml), key, {name: BytesIO(content) for name, content in files.items()}
    )


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (0, "39bbb0890f3222269da68b172146477a"),
        (1, "39bcb0890f3222269da68b172146477a"),
        (8, "39bcb18a103323279ea68b172146477a"),
        (15, "39bcb18a103323279ea78c182247487b"),
        (23, "3abdb28b113424289ea78c182247487b"),
    ],
)
def test_the_iv_of_the_nth_file_is_the_one_the_android_client_makes(
    place: int, expected: str
) -> None:
    symmetric = base64.b64decode("3TJoHf74zHbDwG3Ta+bcvfUr50C6yF/astfu+CdSnQU=")
    seed = iv_seed("uuid:22525f8e-4f2d-41ed-94da-4c46a2478448", symmetric)
    assert iv(seed, place).hex() == expected


@pytest.mark.parametrize("namespace", [COLLECT, ENKETO])
@pytest.mark.parametrize("photos", [0, 1, 20])
@pytest.mark.parametrize("version", ["7", None])
def test_b83_an_envelope_of_either_client_is_opened(
    key: RSAPrivateKey, namespace: str, photos: int, version: str | None
) -> None:
    files = {f"{n}.jpg": os.urandom(n * 700) for n in range(photos)}
    xml, sent = a_phones_envelope(files, namespace, version)
    assert opened(key, xml, sent) == XML


def test_it_is_opened_as_soon_as_its_xml_is_here_and_not_before(key: RSAPrivateKey) -> None:
    xml, sent = a_phones_envelope({"1.jpg": b"photo"})
    assert opened(key, xml, {"submission.xml.enc": sent["submission.xml.enc"]}) == XML
    with pytest.raises(Refused) as refused:
        opened(key, xml, {"1.jpg.enc": sent["1.jpg.enc"]})
    assert refused.value.problem.code == "encrypted_file_missing"


def test_another_key_opens_nothing() -> None:
    xml, sent = a_phones_envelope({})
    with pytest.raises(Refused) as refused:
        opened(read_private_key(new_pair()[0]), xml, sent)
    assert refused.value.problem.code == "encrypted_other_key"


@pytest.mark.parametrize("damaged", ["1.jpg.enc", "submission.xml.enc"])
def test_a_file_that_is_not_the_one_the_phone_signed_is_noticed(
    key: RSAPrivateKey, damaged: str
) -> None:
    xml, sent = a_phones_envelope({"1.jpg": b"a photo of sixty bytes or so, which is enough here"})
    content = bytearray(sent[damaged])
    content[3] ^= 1
    with pytest.raises(Refused) as refused:
        opened(key, xml, {**sent, damaged: bytes(content)})
    assert refused.value.problem.code == "encrypted_damaged"


@pytest.mark.parametrize("lost", [b"base64EncryptedKey", b"encryptedXmlFile", b"instanceID"])
def test_an_envelope_without_a_part_is_said_to_be_damaged(lost: bytes) -> None:
    xml, _ = a_phones_envelope({})
    with pytest.raises(Refused) as refused:
        read_envelope(xml.replace(lost, b"other"))
    assert refused.value.problem.code == "encrypted_damaged"


@pytest.mark.parametrize("text", [b"", b"not a key", PUBLIC])
def test_what_is_no_private_key_is_refused_without_repeating_it(text: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_private_key(text)
    assert refused.value.problem.code == "private_key_not_readable"
    assert text.decode()[:20] not in str(refused.value) or not text
