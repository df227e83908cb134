"""What stands sealed in the database: opened and sealed with a key that is outside it.

What is sealed begins with a sign that no XML may hold, so it is never taken for what a phone sent,
and what was kept before anything was sealed is read as it is.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterable
from functools import cached_property
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.engine import Connection, Dialect, Engine

SIGN = "\x01"
SIGN_BYTE = SIGN.encode()
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

    The same content in the same place (`where`) always gives the same: whether two values are equal
    can be seen, and how long one is, and nothing else. `key` gives 32 bytes; asked for when first
    needed, so that whoever needs none never makes one.
    """

    def __init__(self, key: Callable[[], bytes], older: Iterable[Callable[[], bytes]] = ()) -> None:
        self._keys = (key, *older)

    @cached_property
    def _boxes(self) -> tuple[AESSIV, ...]:
        return tuple(_box(key()) for key in self._keys)

    def seal(self, where: str, content: bytes) -> bytes:
        return SIGN_BYTE + self._boxes[0].encrypt(content, [where.encode()]) if content else content

    def open(self, where: str, content: bytes) -> bytes:
        """Locked, where it is sealed and none of the keys fits; what is not sealed as it is."""
        if not content.startswith(SIGN_BYTE):
            return content
        sealed, place = content[len(SIGN_BYTE) :], [where.encode()]
        for box in self._boxes:
            try:
                return box.decrypt(sealed, place)
            except (InvalidTag, ValueError):
                continue
        raise Locked

    def seal_text(self, where: str, text: str) -> str:
        sealed = self.seal(where, text.encode())[len(SIGN_BYTE) :]
        return SIGN + b64encode(sealed).decode() if text else text

    def open_text(self, where: str, text: str) -> str:
        """As `open`."""
        if not text.startswith(SIGN):
            return text
        try:
            sealed = b64decode(text[len(SIGN) :], validate=True)
        except ValueError:
            raise Locked from None
        return self.open(where, SIGN_BYTE + sealed).decode()

    def seal_answers(self, answers: dict[str, str], names: Collection[str]) -> dict[str, str]:
        """All answers, those of these names sealed."""
        marked = answers.keys() & names
        return answers | {name: self.seal_text(place(name), answers[name]) for name in marked}

    def open_answers(self, answers: dict[str, str]) -> dict[str, str]:
        """All answers, opened where they are sealed."""
        sealed = [name for name, text in answers.items() if text and text[0] == SIGN]
        if not sealed:
            return answers
        return answers | {name: self.open_text(place(name), answers[name]) for name in sealed}


def place(column: str) -> str:
    """Where an answer stands: the same in every form, so that equal numbers are equal."""
    return f"answers.{column}"


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
