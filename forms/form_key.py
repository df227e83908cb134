"""A form that phones encrypt for one key: the key read, and the XForm that names it.

Only the public half is ever kept here. The version gets a mark of the key, for phones take other
bytes only under another version (protocol §2.7).
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from lxml import etree

from forms.form_problems import KEY_NOT_READABLE, KEY_TOO_SHORT
from forms.problems import Refused
from forms.xml import Element, child, parse

if TYPE_CHECKING:
    from forms.xlsform import Compiled

BITS = 2048  # what phones encrypt with in a moment, and nobody opens without the key
MARK_LENGTH = 8
_MARK = re.compile(r"\[encrypted:[0-9a-f]+\]$")


def new_pair() -> tuple[bytes, bytes]:
    """A new RSA pair as PEM: the private half, which we never keep, and the public one."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public


def read_public_key(pem: bytes) -> str:
    """The key as an XForm holds it: base64 of its DER. Refused(KEY_NOT_READABLE, KEY_TOO_SHORT)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        key = serialization.load_pem_public_key(pem)
    except Exception:  # of many kinds, and a private key given by mistake must not be repeated
        raise Refused(KEY_NOT_READABLE()) from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise Refused(KEY_NOT_READABLE())
    if key.key_size < BITS:
        raise Refused(KEY_TOO_SHORT(bits=key.key_size, least=BITS))
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(der).decode()


def plain_version(version: str) -> str:
    """The version as the designer wrote it, without the mark of a key."""
    return _MARK.sub("", version)


def encrypted_version(version: str, public_key: str) -> str:
    """The version under which phones encrypt for this key: "7" → "7[encrypted:0f1e2d3c]"."""
    mark = hashlib.sha256(public_key.encode()).hexdigest()[:MARK_LENGTH]
    return f"{plain_version(version)}[encrypted:{mark}]"


def encrypted(compiled: Compiled, public_key: str) -> Compiled:
    """The same form, encrypting for this key; harmless to repeat, and the same bytes each time."""
    version = encrypted_version(compiled.version, public_key)
    if compiled.version == version:
        return compiled
    root = parse(compiled.xform)
    model = next(root.iter("{*}model"))
    instance = child(model, "instance")
    assert instance is not None  # read_head has seen it
    data = next(node for node in instance.iterchildren() if node.get("id"))
    data.set("version", version)
    _submission(model).set("base64RsaPublicKey", public_key)
    xform = etree.tostring(root, encoding="utf-8", xml_declaration=True)
    return replace(compiled, version=version, xform=xform)


def _submission(model: Element) -> Element:
    """The element that says where and how to send; a new one says only how."""
    found = child(model, "submission")
    if found is None:
        namespace = etree.QName(model).namespace
        found = etree.Element(f"{{{namespace}}}submission" if namespace else "submission")
        found.set("method", "post")
        model.insert(0, found)
    return found
