"""Settings: nothing set means one folder; what is wrong is said in two languages."""

from __future__ import annotations

import dataclasses
import inspect
import re
import stat
from pathlib import Path

import pytest

from server.settings import NAMES, SettingError, Settings, read_settings, secret_key
from tests.at_once import at_once


def test_nothing_set_is_embedded_in_the_folder_data() -> None:
    settings = read_settings({})
    assert settings.database_url == "sqlite:///data/cayda.db"
    assert settings.blobs == "data/blobs"
    assert settings.embedded
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings == Settings()


def test_every_setting_has_a_row_in_names() -> None:
    source = Path(str(inspect.getsourcefile(read_settings))).read_text(encoding="utf-8")
    read = set(re.findall(r'"((?:CAYDA|AWS)_[A-Z_]+|DATABASE_URL|REDIS_URL)"', source))
    assert read == set(NAMES)


def test_the_environment_says_where_everything_is() -> None:
    settings = read_settings(
        {
            "CAYDA_DATA": "/srv/cayda",
            "DATABASE_URL": "postgresql://u@h/d",
            "REDIS_URL": "redis://r",
            "CAYDA_LIBRARY": "/srv/library",
            "CAYDA_PUBLIC_URL": "https://cay-da.vn/",
            "CAYDA_TRUST_PROXY": "1",
            "CAYDA_SECRET": "ab" * 32,
            "CAYDA_HOST": "0.0.0.0",
            "CAYDA_PORT": "80",
        }
    )
    assert settings.data == Path("/srv/cayda")
    assert settings.blobs == "/srv/cayda/blobs"
    assert settings.database_url == "postgresql://u@h/d"
    assert not settings.embedded
    assert settings.library == Path("/srv/library")
    assert settings.public_url == "https://cay-da.vn"
    assert settings.trust_proxy
    assert (settings.host, settings.port) == ("0.0.0.0", 80)
    assert secret_key(settings) == b"\xab" * 32


def test_what_the_command_line_gives_wins_and_none_is_not_given(tmp_path: Path) -> None:
    environ = {"CAYDA_DATA": "/elsewhere", "CAYDA_PORT": "1"}
    settings = read_settings(environ, data=tmp_path, port=9000, host=None)
    assert (settings.data, settings.port, settings.host) == (tmp_path, 9000, "127.0.0.1")
    assert settings.database_url == f"sqlite:///{tmp_path}/cayda.db"


def test_blank_means_not_set() -> None:
    assert read_settings({"REDIS_URL": "", "CAYDA_PORT": " ", "DATABASE_URL": ""}) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CAYDA_PORT", "eighty"),
        ("CAYDA_PORT", "0"),
        ("CAYDA_PORT", "70000"),
        ("CAYDA_TRUST_PROXY", "maybe"),
        ("CAYDA_SECRET", "short"),
        ("CAYDA_SECRET", "zz" * 32),
        ("CAYDA_PUBLIC_URL", "cay-da.vn"),
        ("CAYDA_PUBLIC_URL", "ftp://cay-da.vn"),
        ("CAYDA_PUBLIC_URL", "https://cay da.vn"),
        ("DATABASE_URL", "cayda.db"),
        ("DATABASE_URL", "mysql://h/d"),
        ("DATABASE_URL", "postgresql://cayda:mật@khẩu@h/d"),
        ("DATABASE_URL", "postgresql://cayda:a:b@h:port/d"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("REDIS_URL", "redis://h:six"),
        ("CAYDA_SECRETS", "ab"),
        ("CAYDA_NOTHING_OF_OURS", "1"),
        ("REDIS_URL", "localhost:6379"),
        ("CAYDA_BLOBS", "s3:///prefix"),
        ("CAYDA_BLOBS", "ftp://bucket"),
        ("CAYDA_POST_BYTES", "-1"),
        ("CAYDA_BODY_BYTES", "1000000"),
    ],
)
def test_a_wrong_setting_is_named_in_both_languages(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=rf"^{name}: .+ / .+$") as caught:
        read_settings({name: value})
    assert caught.value.name == name


KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


def test_a_bucket_needs_its_credentials() -> None:
    bucket = {"CAYDA_BLOBS": "s3://kho/phieu"}
    assert read_settings(bucket | KEYS).blobs == "s3://kho/phieu"
    for key in KEYS:
        with pytest.raises(SettingError, match=rf"^{key}: .*CAYDA_BLOBS.* / .+$"):
            read_settings(bucket | KEYS | {key: ""})
    with pytest.raises(SettingError, match=r"^AWS_ENDPOINT_URL: "):
        read_settings(bucket | KEYS | {"AWS_ENDPOINT_URL": "store:9000"})


@pytest.mark.parametrize("host", ["store:3900", "127.0.0.1:9000", "10.0.0.7", "[::1]:9000"])
def test_photos_go_in_the_clear_only_within_a_private_network(host: str) -> None:
    bucket = {"CAYDA_BLOBS": "s3://kho", "AWS_ENDPOINT_URL": f"http://{host}"} | KEYS
    assert read_settings(bucket).blobs == "s3://kho"
    for public in ("http://store.example.vn", "http://8.8.8.8"):
        with pytest.raises(SettingError, match=r"^AWS_ENDPOINT_URL: .*https"):
            read_settings(bucket | {"AWS_ENDPOINT_URL": public})


def test_a_slip_in_a_name_is_told_with_the_name_that_was_meant() -> None:
    with pytest.raises(SettingError, match=r"^CAYDA_SECRETS: .*CAYDA_SECRET\?"):
        read_settings({"CAYDA_SECRETS": "ab" * 32})


def test_settings_cannot_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]  # that is the point


def test_the_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "new")
    key = secret_key(settings)
    assert len(key) == 32
    assert secret_key(settings) == key
    assert stat.S_IMODE((tmp_path / "new" / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["secret.key"]


def test_ten_processes_that_start_at_once_agree_on_the_secret(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    found = at_once(10, lambda _: secret_key(settings))
    assert len(set(found)) == 1


def test_a_broken_secret_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("half")
    with pytest.raises(SettingError):
        secret_key(Settings(data=tmp_path))
    assert (tmp_path / "secret.key").read_text() == "half"
