"""All settings in one frozen place, read once from the environment; what is set makes the mode."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

NAMES = (
    *("CAYDA_DATA", "DATABASE_URL", "REDIS_URL", "CAYDA_BLOBS", "CAYDA_LIBRARY"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION"),
    *("CAYDA_PUBLIC_URL", "CAYDA_TRUST_PROXY", "CAYDA_SECRET", "CAYDA_HOST", "CAYDA_PORT"),
    *("CAYDA_POST_BYTES", "CAYDA_BODY_BYTES", "CAYDA_HOLD_DAYS"),
)


class SettingError(ValueError):
    """A setting that cannot be used; the text names it, in Vietnamese and English."""

    def __init__(self, name: str, vi: str, en: str) -> None:
        super().__init__(f"{name}: {vi} / {en}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Settings:
    """Leave everything unset and the server runs embedded, from one folder (`data`)."""

    data: Path = Path("data")
    database_url: str = ""  # empty: the file cayda.db in `data`
    blobs: str = ""  # a folder, or s3://bucket/prefix; empty: the folder blobs in `data`
    redis_url: str | None = None  # set it, and rq workers are woken
    library: Path | None = None  # another organisation's library; None: ours
    public_url: str | None = None  # scheme and host phones see; None: what each request says
    trust_proxy: bool = False  # believe X-Forwarded-Proto and -Host
    secret: str | None = None  # seals Digest secrets and signs sessions; None: `data`/secret.key
    host: str = "127.0.0.1"
    port: int = 8080
    post_bytes: int = 10_000_000  # announced to phones: larger submissions come in several POSTs
    hold_days: int = 5  # a change waits so long for the one before it, as in Central
    body_bytes: int = 500_000_000  # hard limit of one body: a single video may exceed the above

    def __post_init__(self) -> None:
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite:///{self.data / 'cayda.db'}")
        if not self.blobs:
            object.__setattr__(self, "blobs", str(self.data / "blobs"))

    @property
    def embedded(self) -> bool:
        """One folder, one worker of our own, nothing else running."""
        return self.redis_url is None


def read_settings(environ: Mapping[str, str] | None = None, **given: object) -> Settings:
    """Settings from the environment; `given` (such as data=…, port=…) wins where it is not None.

    Raises SettingError.
    """
    env = {k: v for k, v in (os.environ if environ is None else environ).items() if v.strip()}
    _refuse_unknown(env)
    found: dict[str, object] = {
        "data": Path(env.get("CAYDA_DATA", "data")),
        "database_url": read_database(env, "DATABASE_URL"),
        "blobs": _folder_or_bucket(env, "CAYDA_BLOBS"),
        "redis_url": _redis(env, "REDIS_URL"),
        "library": Path(env["CAYDA_LIBRARY"]) if "CAYDA_LIBRARY" in env else None,
        "public_url": read_address("CAYDA_PUBLIC_URL", env.get("CAYDA_PUBLIC_URL")),
        "trust_proxy": _switch(env, "CAYDA_TRUST_PROXY"),
        "secret": _secret(env.get("CAYDA_SECRET")),
        "host": env.get("CAYDA_HOST", "127.0.0.1"),
        "port": _number(env, "CAYDA_PORT", 8080, 1, 65535),
        "post_bytes": _number(env, "CAYDA_POST_BYTES", 10_000_000, 100_000, 1 << 31),
        "hold_days": _number(env, "CAYDA_HOLD_DAYS", 5, 1, 365),
        "body_bytes": _number(env, "CAYDA_BODY_BYTES", 500_000_000, 1_000_000, 1 << 40),
    }
    found.update({name: value for name, value in given.items() if value is not None})
    settings = Settings(**found)  # type: ignore[arg-type]  # every value above has its field's type
    if settings.body_bytes < settings.post_bytes:
        raise SettingError(
            "CAYDA_BODY_BYTES",
            "phải lớn hơn hoặc bằng CAYDA_POST_BYTES",
            "must be at least CAYDA_POST_BYTES",
        )
    return settings


def secret_key(settings: Settings) -> bytes:
    """32 bytes outside the database: from CAYDA_SECRET, else from `data`/secret.key, made once.

    Whoever loses it loses all that phones sent, and Digest sign-in of phones: back it up. Every
    backup of ours holds it.
    """
    return read_key(settings.secret or _read_or_make(settings.data / "secret.key"))


def read_key(text: str) -> bytes:
    """The key that a secret.key holds. SettingError where it holds none."""
    return bytes.fromhex(_secret(text.strip()) or "")


def _read_or_make(path: Path) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    if not path.exists():
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_hex(32))
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(temporary, path)  # whole or not at all; the first of two processes wins
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return path.read_text()


def _secret(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        long_enough = len(bytes.fromhex(text)) == 32
    except ValueError:
        long_enough = False
    if not long_enough:
        raise SettingError(
            "CAYDA_SECRET", "cần đúng 64 chữ số hệ 16 (32 byte)", "needs 64 hex digits (32 bytes)"
        )
    return text


def read_address(name: str, text: str | None) -> str | None:
    """Scheme and host as phones call them; None for None. SettingError(`name`)."""
    if text is None:
        return None
    parts = urlsplit(text)
    named = parts.netloc and not (parts.query or parts.fragment or len(text.split()) > 1)
    if parts.scheme not in ("http", "https") or not named:
        raise SettingError(
            name,
            "cần dạng https://ten-may-chu",
            "needs the form https://host",
        )
    return text.rstrip("/")


def _refuse_unknown(env: Mapping[str, str]) -> None:
    """A slip in a name would be a setting that silently is not there."""
    for name in sorted(env):
        if name.startswith("CAYDA_") and name not in NAMES:
            near = "".join(get_close_matches(name, NAMES, 1)) or "server/README.md"
            raise SettingError(
                name, f"không có thiết lập này: {near}?", f"no such setting: {near}?"
            )


def read_database(env: Mapping[str, str], name: str) -> str:
    """sqlite:///file, or a PostgreSQL; signs such as : and @ in a password are written %3A, %40.

    "" where it is unset. SettingError(`name`).
    """
    text = env.get(name, "")
    if not text:
        return ""
    scheme, _, rest = text.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and rest.strip("/") not in ("", ":memory:"):
        return text
    if scheme in ("postgresql", "postgres", "postgresql+psycopg") and _has_good_port(text):
        return text
    known = "postgresql://user:password@host:5432/database, sqlite:////path/cayda.db"
    raise SettingError(name, f"cần dạng {known}", f"needs the form {known}")


def _redis(env: Mapping[str, str], name: str) -> str | None:
    text = env.get(name)
    if text is None:
        return None
    scheme = text.partition("://")[0]
    if "://" in text and scheme in ("redis", "rediss", "unix") and _has_good_port(text):
        return text
    known = "redis://host:6379/0, rediss://…, unix://…"
    raise SettingError(name, f"cần dạng {known}", f"needs the form {known}")


def _has_good_port(url: str) -> bool:
    """False too where a password holds a sign that ends it for whoever reads the address."""
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    return url.count("@") <= 1


def _folder_or_bucket(env: Mapping[str, str], name: str) -> str:
    """A folder, or s3://bucket/prefix with the credentials the bucket is opened with."""
    text = env.get(name, "")
    if "://" not in text:
        return text
    if not re.fullmatch(r"s3://[A-Za-z0-9.-]+(/[^?#\s]*)?", text):
        known = "s3://bucket/prefix"
        raise SettingError(name, f"cần một thư mục hoặc {known}", f"needs a folder or {known}")
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        if key not in env:
            raise SettingError(
                key, f"cần có khi {name} là s3://…", f"needed where {name} is s3://…"
            )
    endpoint = read_address("AWS_ENDPOINT_URL", env.get("AWS_ENDPOINT_URL"))
    if endpoint is not None and endpoint.startswith("http:") and not _is_near(endpoint):
        raise SettingError(
            "AWS_ENDPOINT_URL",
            "cần https:// khi kho ở ngoài mạng riêng: trong đó có ảnh của mọi người",
            "needs https:// outside a private network: people's photos go there",
        )
    return text


def _is_near(address: str) -> bool:
    """Whether the host is of this machine or a private network; a name without a dot is."""
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host


def _switch(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name, "0").strip().lower()
    if text not in ("0", "1", "no", "yes", "false", "true"):
        raise SettingError(name, "chỉ nhận 1 hoặc 0", "takes 1 or 0")
    return text in ("1", "yes", "true")


def _number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name, str(default)).strip()
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise SettingError(name, f"cần số từ {low} đến {high}", f"needs a number {low} to {high}")
    return int(text)
