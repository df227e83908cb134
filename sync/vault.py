"""What stands sealed in the database: opened and sealed with a key that is outside it.

What is sealed begins with a sign that no XML may hold, so it is never taken for what a phone sent,
and what was kept before anything was sealed is read as it is.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.engine import Connection, Dialect, Engine

SIGN = "\x01"
SIGN_BYTE = SIGN.encode()
SALT = 6  # bytes: of a whole city's answers no two need share one
SIGN_IN_JSON = "\\u0001"  # as both databases write it in a text of JSON


class Locked(Exception):
    """Something is sealed with a key that is not here; the text says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "Dữ liệu được niêm phong bằng một khóa khác; xin dùng đúng CAYDA_SECRET (hoặc "
            "secret.key) của dữ liệu này, trong bản sao lưu nào cũng có. / The data is sealed with "
            "another key: use its own CAYDA_SECRET (or secret.key); every backup holds it."
        )


class Vault:
    """Seals with the key, and opens what was sealed with it or with an `older` one.

    `key` gives 32 bytes; asked for when first needed, so that whoever needs none never makes one.
    """

    def __init__(self, key: Callable[[], bytes], older: Iterable[Callable[[], bytes]] = ()) -> None:
        self._keys = (key, *older)

    @cached_property
    def _boxes(self) -> tuple[AESSIV, ...]:
        return tuple(_box(key()) for key in self._keys)

    def seal(self, where: str, content: bytes) -> bytes:
        """The same for the same content in the same place."""
        return SIGN_BYTE + self._seal(content, where) if content else content

    def open(self, where: str, content: bytes) -> bytes:
        """Locked, where it is sealed and none of the keys fits; what is not sealed as it is."""
        if not content.startswith(SIGN_BYTE):
            return content
        return self._open(content[len(SIGN_BYTE) :], where)

    def seal_answers(
        self, answers: dict[str, str], names: Collection[str], salt: bytes = b""
    ) -> dict[str, str]:
        """All answers, those of these names sealed: with another salt each time, so that nobody
        sees who else said “yes”. How long an answer is can be seen.
        """
        marked = [name for name in answers.keys() & names if answers[name]]
        if not marked:
            return answers
        salt = salt or os.urandom(SALT)
        return answers | {
            name: SIGN + b64encode(salt + self._seal(answers[name].encode(), name, salt)).decode()
            for name in marked
        }

    def open_answers(self, answers: dict[str, str]) -> dict[str, str]:
        """All answers, opened where they are sealed. Locked, as `open`."""
        sealed = [name for name, text in answers.items() if text and text[0] == SIGN]
        if not sealed:
            return answers
        return answers | {name: self._open_answer(name, answers[name]) for name in sealed}

    def _open_answer(self, name: str, text: str) -> str:
        salted = _bytes_in(text)
        return self._open(salted[SALT:], name, salted[:SALT]).decode()

    def _seal(self, content: bytes, where: str, salt: bytes = b"") -> bytes:
        return self._boxes[0].encrypt(content, [where.encode(), salt])

    def _open(self, sealed: bytes, where: str, salt: bytes = b"") -> bytes:
        for box in self._boxes:
            try:
                return box.decrypt(sealed, [where.encode(), salt])
            except (InvalidTag, ValueError):
                continue
        raise Locked


def salt_of(answers: Mapping[str, str]) -> bytes:
    """With which these were sealed; b"" where none is."""
    sealed = (text for text in answers.values() if text and text[0] == SIGN)
    return next((_bytes_in(text)[:SALT] for text in sealed), b"")


def _bytes_in(text: str) -> bytes:
    try:
        return b64decode(text[len(SIGN) :], validate=True)
    except ValueError:
        raise Locked from None


def _box(key: bytes) -> AESSIV:
    return AESSIV(HKDF(SHA256(), length=64, salt=None, info=b"cayda: sealed columns").derive(key))


def _no_key() -> bytes:
    raise Locked


NO_VAULT = Vault(_no_key)  # reads what is not sealed; to seal something fails


# ------------------------------------------------------------------ who has it


def give(engine: Engine, vault: Vault) -> None:
    """Let the types of columns, and `vault_of`, find it: all they know is the engine's dialect."""
    dialect: Any = engine.dialect
    dialect.vault = vault


def vault_in(dialect: Dialect) -> Vault:
    """The vault of an engine of that dialect."""
    found: Vault = getattr(dialect, "vault", NO_VAULT)
    return found


def vault_of(db: Connection) -> Vault:
    """The vault of the database this is a connection to."""
    return vault_in(db.dialect)
