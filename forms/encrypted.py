"""Open what a phone encrypted for one key: the envelope it sends, and the submission inside.

The recipe is ODK's (protocol §4.10): RSA-OAEP with SHA-256 around a key of 256 bits, AES in CFB
with PKCS#7 padding, and an IV that goes on from file to file. Nothing here keeps a key.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from forms.problems import (
    ENCRYPTED_DAMAGED,
    ENCRYPTED_FILE_MISSING,
    ENCRYPTED_OTHER_KEY,
    PRIVATE_KEY_NOT_READABLE,
    Refused,
)
from forms.text import nfc
from forms.xml import MAX_BYTES, Element, child, children, parse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

KEY_BYTES = 32
BLOCK = 16
PIECE = 1 << 20
PLAIN_NAME = "submission.xml"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What can be read without the key. `files` are in the order of encryption, the XML last."""

    xml_form_id: str
    version: str | None
    instance_id: str
    sealed_key: str
    sealed_signature: str | None
    files: tuple[str, ...]


def read_envelope(xml: bytes) -> Envelope:
    """Read an envelope of Collect or Enketo: by local names, with one or several `media`.

    Refused(ENCRYPTED_DAMAGED) when a part is not there.
    """
    root = parse(xml)
    media = [_text(file) for block in children(root, "media") for file in children(block, "file")]
    inner, sealed_key = (
        _text(child(root, "encryptedXmlFile")),
        _text(child(root, "base64EncryptedKey")),
    )
    metas = list(children(root, "meta"))
    instance_id = next((text for meta in metas if (text := _text(child(meta, "instanceID")))), None)
    if not (inner and sealed_key and instance_id):
        raise Refused(ENCRYPTED_DAMAGED())
    return Envelope(
        xml_form_id=(root.get("id") or "").strip(),
        version=root.get("version"),
        instance_id=instance_id,
        sealed_key=sealed_key,
        sealed_signature=_text(child(root, "base64EncryptedElementSignature")),
        files=(*(nfc(name) for name in media if name), nfc(inner)),
    )


def read_private_key(pem: bytes) -> RSAPrivateKey:
    """The key a person holds, from PEM without a password. Refused(PRIVATE_KEY_NOT_READABLE)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except Exception:  # of many kinds, and none of their texts may be shown: it is a key
        raise Refused(PRIVATE_KEY_NOT_READABLE()) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Refused(PRIVATE_KEY_NOT_READABLE())
    return key


def open_envelope(envelope: Envelope, key: RSAPrivateKey, files: Mapping[str, BinaryIO]) -> bytes:
    """The submission's own XML. `files`: the encrypted files that are here, by name (NFC), open.

    Refused(ENCRYPTED_OTHER_KEY) when it was made for another key, ENCRYPTED_FILE_MISSING while the
    XML is still on the phone, ENCRYPTED_DAMAGED when what comes out is not what went in.
    """
    symmetric = _symmetric(envelope, key)
    inner = files.get(envelope.files[-1])
    if inner is None:
        raise Refused(ENCRYPTED_FILE_MISSING(file=envelope.files[-1]))
    seed = iv_seed(envelope.instance_id, symmetric)
    xml = b""
    for piece in decrypt(inner, symmetric, iv(seed, len(envelope.files) - 1)):
        xml += piece
        if len(xml) > MAX_BYTES:  # no phone's answers: they would not have been taken plainly
            raise Refused(ENCRYPTED_DAMAGED())
    _check(envelope, key, symmetric, files, xml)
    return xml


def open_file(envelope: Envelope, key: RSAPrivateKey, name: str, file: BinaryIO) -> Iterator[bytes]:
    """One photo or file of the envelope, in pieces. `name`: as sent, with its ".enc".

    Refused(ENCRYPTED_OTHER_KEY), or ENCRYPTED_DAMAGED at the end.
    """
    symmetric = _symmetric(envelope, key)
    seed = iv_seed(envelope.instance_id, symmetric)
    return decrypt(file, symmetric, iv(seed, envelope.files.index(name)))


def _symmetric(envelope: Envelope, key: RSAPrivateKey) -> bytes:
    """The key of this one submission. Refused(ENCRYPTED_OTHER_KEY)."""
    symmetric = _unseal(key, envelope.sealed_key)
    if symmetric is None or len(symmetric) != KEY_BYTES:
        raise Refused(ENCRYPTED_OTHER_KEY())
    return symmetric


def iv_seed(instance_id: str, symmetric: bytes) -> bytes:
    """16 bytes from which the IV of every file is counted on."""
    return hashlib.md5(instance_id.encode() + symmetric, usedforsecurity=False).digest()


def iv(seed: bytes, place: int) -> bytes:
    """The IV of the file at `place` (0, 1, …): each file adds one to the next byte of the seed."""
    counted = bytearray(seed)
    for step in range(place + 1):
        counted[step % BLOCK] = (counted[step % BLOCK] + 1) % 256
    return bytes(counted)


def decrypt(file: BinaryIO, symmetric: bytes, start: bytes) -> Iterator[bytes]:
    """The plain bytes of one file, in pieces. Refused(ENCRYPTED_DAMAGED), at the end."""
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

    opened = Cipher(algorithms.AES(symmetric), CFB(start)).decryptor()
    last = b""
    while piece := file.read(PIECE):
        last += opened.update(piece)
        yield last[:-BLOCK]
        last = last[-BLOCK:]
    last += opened.finalize()
    count = last[-1] if last else 0
    if not 1 <= count <= BLOCK or last[-count:] != bytes([count]) * count:
        raise Refused(ENCRYPTED_DAMAGED())
    yield last[:-count]


def signature(envelope: Envelope, plain: Sequence[tuple[str, str]]) -> bytes:
    """MD5 of the text a phone signs; `plain`: names without ".enc" and MD5s, the XML last."""
    version = [] if envelope.version is None else [envelope.version]
    lines = [envelope.xml_form_id, *version, envelope.sealed_key, envelope.instance_id]
    lines += [f"{name}::{md5}" for name, md5 in plain]
    text = "".join(f"{line}\n" for line in lines)
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


def _check(
    envelope: Envelope,
    key: RSAPrivateKey,
    symmetric: bytes,
    files: Mapping[str, BinaryIO],
    xml: bytes,
) -> None:
    """Compare with the phone's own sum, as soon as all its files are here."""
    if envelope.sealed_signature is None or not all(name in files for name in envelope.files):
        return
    seed = iv_seed(envelope.instance_id, symmetric)
    plain = [
        (name.removesuffix(".enc"), _md5(decrypt(files[name], symmetric, iv(seed, place))))
        for place, name in enumerate(envelope.files[:-1])
    ]
    expected = signature(envelope, [*plain, (PLAIN_NAME, _md5([xml]))])
    if _unseal(key, envelope.sealed_signature) != expected:
        raise Refused(ENCRYPTED_DAMAGED())


def _unseal(key: RSAPrivateKey, sealed: str) -> bytes | None:
    """What was encrypted for this key; None when it was not for this one."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    sha256 = hashes.SHA256()
    oaep = padding.OAEP(mgf=padding.MGF1(algorithm=sha256), algorithm=sha256, label=None)
    try:
        return key.decrypt(base64.b64decode(sealed), oaep)
    except ValueError:
        return None


def _md5(pieces: Iterable[bytes]) -> str:
    found = hashlib.md5(usedforsecurity=False)
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def _text(node: Element | None) -> str | None:
    return None if node is None else (node.text or "").strip() or None
