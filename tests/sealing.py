"""What a phone does with a form that names a public key: by the recipe, and not by our code."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

COLLECT = "http://www.opendatakit.org/xforms/encrypted"
ENKETO = "http://opendatakit.org/submissions"


def envelope(
    public: bytes,
    xml: bytes,
    files: Mapping[str, bytes],
    instance_id: str,
    form_id: str,
    version: str | None,
    namespace: str = COLLECT,
) -> tuple[bytes, dict[str, bytes]]:
    """The envelope and the encrypted files of one submission."""
    symmetric = os.urandom(32)
    sealed_key = _seal(public, symmetric)
    counted = bytearray(hashlib.md5(instance_id.encode() + symmetric).digest())
    lines = [form_id, *([version] if version else []), sealed_key, instance_id]
    out: dict[str, bytes] = {}
    for n, (name, content) in enumerate({**files, "submission.xml": xml}.items()):
        counted[n % 16] = (counted[n % 16] + 1) % 256
        pad = 16 - len(content) % 16
        cipher = Cipher(algorithms.AES(symmetric), CFB(bytes(counted))).encryptor()
        out[f"{name}.enc"] = cipher.update(content + bytes([pad]) * pad) + cipher.finalize()
        lines.append(f"{name}::{hashlib.md5(content).hexdigest()}")
    signature = _seal(public, hashlib.md5(("\n".join(lines) + "\n").encode()).digest())
    names = [f"<file>{name}.enc</file>" for name in files]
    one_by_one = "".join(f"<media>{name}</media>" for name in names)
    media = one_by_one if namespace == ENKETO or not names else f"<media>{''.join(names)}</media>"
    numbered = f' version="{version}"' if version else ""
    text = (
        f'<data xmlns="{namespace}" encrypted="yes" id="{form_id}"{numbered}>'
        f"<base64EncryptedKey>{sealed_key}</base64EncryptedKey>"
        '<orx:meta xmlns:orx="http://openrosa.org/xforms">'
        f"<orx:instanceID>{instance_id}</orx:instanceID></orx:meta>{media}"
        "<encryptedXmlFile>submission.xml.enc</encryptedXmlFile>"
        f"<base64EncryptedElementSignature>{signature}</base64EncryptedElementSignature></data>"
    )
    return text.encode(), out


def _seal(public: bytes, content: bytes) -> str:
    key = serialization.load_pem_public_key(public)
    assert isinstance(key, RSAPublicKey)
    sha = hashes.SHA256()
    oaep = padding.OAEP(mgf=padding.MGF1(algorithm=sha), algorithm=sha, label=None)
    return base64.b64encode(key.encrypt(content, oaep)).decode()
