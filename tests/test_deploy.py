"""What deploy/ and the READMEs tell people to type exists, and what can be tried here is tried."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import re
import shlex
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from server import serve
from server.cli import main
from server.health import LEAVING
from server.settings import NAMES, Settings, read_settings

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
PAGES = ("README.md", "deploy/README.md", "deploy/cayda.service", "server/README.md")
TOKEN = "t" * 64


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text_of("deploy/compose.yaml"))
    return found


def shell_blocks(page: str) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", text_of(page), re.DOTALL)


# ------------------------------------------------------------------ settings


def env_example() -> dict[str, tuple[str, bool]]:
    """Name → (value, whether it is set there or only shown)."""
    lines = re.findall(r"^(#?)([A-Z_]+)=(.*)$", text_of("deploy/env.example"), re.MULTILINE)
    return {name: (value, not mark) for mark, name, value in lines}


def table() -> dict[str, str]:
    """Name → its default, of the settings table."""
    rows = re.findall(r"^\| (`[A-Z].*?`) \| (.*?) \| .* \|$", text_of("server/README.md"), re.M)
    found: dict[str, str] = {}
    for names, defaults in rows:
        split, given = names.replace("`", "").split(", "), re.findall(r"`(.*?)`", defaults)
        found |= dict(
            zip(split, given if len(given) == len(split) else [""] * len(split), strict=True)
        )
    return found


def test_settings_table_and_example_name_the_same() -> None:
    assert sorted(env_example()) == sorted(table()) == sorted(NAMES)


def test_what_the_example_only_shows_is_the_default_of_table_and_code() -> None:
    shown = {name: value for name, (value, is_set) in env_example().items() if not is_set}
    numbers = {name: value for name, value in shown.items() if value}
    assert numbers == {name: table()[name] for name in numbers}
    assert read_settings(numbers) == Settings()


def test_the_example_is_that_of_one_box_behind_a_proxy() -> None:
    settings = read_settings({n: value for n, (value, is_set) in env_example().items() if is_set})
    assert settings.trust_proxy
    assert settings.public_url == "https://cayda.example.vn"
    assert f"ReadWritePaths={settings.data}" in text_of("deploy/cayda.service")
    where = f"{settings.host}:{settings.port}"
    assert f"ListenStream={where}\n" in text_of("deploy/cayda.socket")
    assert f"{{$WEBS:{where}}}" in text_of("deploy/Caddyfile")


# ------------------------------------------------------------------ commands

_CALL = re.compile(
    r"(?:bin/cayda|^cayda|`cayda|--no-deps (?:-v \S+ )?migrate)((?: +[^\s|`#]+)+)", re.MULTILINE
)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_a_page_names_exists_with_its_options(page: str) -> None:
    calls = [re.sub(r"\\\n\s*", " ", call) for call in _CALL.findall(text_of(page))]
    assert calls
    assert [call for call in calls if not _parses(call)] == []


@pytest.mark.parametrize(
    "service", [name for name, one in compose()["services"].items() if "cayda" in one["image"]]
)
def test_every_service_of_ours_runs_a_command_there_is(service: str) -> None:
    assert _parses(" ".join(compose()["services"][service]["command"]))


def _parses(call: str) -> bool:
    """Whether the words are commands, and the options theirs; values may be anything."""
    try:
        words = shlex.split(call)
    except ValueError:  # a quotation that goes on behind what we cut off
        words = call.split()
    group: click.Command = main
    while words and words[0] == "--data":
        words = words[2:]
    while isinstance(group, click.Group) and words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        found = group.get_command(click.Context(group), words[0])
        if found is None:
            return False
        group, words = found, words[1:]
    options = {name for one in group.params for name in one.opts}
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    return given <= options | {"--help"}


def test_every_command_explains_itself_in_vietnamese_and_english() -> None:
    assert isinstance(main, click.Group)
    for name in main.commands:
        shown = CliRunner().invoke(main, [name, "--help"])
        assert shown.exit_code == 0
        assert " / " in shown.output, name


@pytest.mark.parametrize("page", ["README.md", "deploy/README.md"])
def test_a_shell_understands_what_is_to_be_typed(page: str) -> None:
    for block in shell_blocks(page):
        done = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True)
        assert done.returncode == 0, (block, done.stderr)


# ------------------------------------------------------------------ containers


@pytest.fixture(scope="module")
def dot_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the README's own lines write into .env."""
    folder = tmp_path_factory.mktemp("env")
    (block,) = (one for one in shell_blocks("deploy/README.md") if "openssl" in one)
    lines = block[block.index("(\n") :].replace("git rev-parse", f"git -C {ROOT} rev-parse")
    subprocess.run(["bash", "-eu", "-c", lines], cwd=folder, check=True)
    file = folder / ".env"
    assert file.stat().st_mode & 0o077 == 0
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def test_the_lines_of_the_readme_make_all_that_compose_asks_for(dot_env: dict[str, str]) -> None:
    asked = set(re.findall(r"\$\{(\w+):\?\}", text_of("deploy/compose.yaml")))
    assert dot_env.keys() == asked
    assert all(dot_env.values())


def test_every_process_of_ours_starts_from_the_settings_compose_gives_it(
    dot_env: dict[str, str],
) -> None:
    def fill(value: str) -> str:
        return re.sub(r"\$\{(\w+):\?\}", lambda found: dot_env[found[1]], value)

    image = dict(re.findall(r"(CAYDA_\w+)=(\S+)", text_of("deploy/Dockerfile")))
    for service in ("migrate", "web1", "web2", "work"):
        given = compose()["services"][service]["environment"]
        settings = read_settings(image | {name: fill(value) for name, value in given.items()})
        assert not settings.embedded
        assert settings.blobs == "s3://cayda/blobs"
        assert settings.database_url.endswith("@postgres:5432/cayda")
        assert settings.host == "0.0.0.0"


def test_no_container_has_more_than_it_needs() -> None:
    services = compose()["services"]
    for name, one in services.items():
        assert one["read_only"] is True, name
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert int(one["user"]) > 0, name
        assert one["logging"]["options"].keys() == {"max-size", "max-file"}, name
        assert one["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}, name
        assert one["restart"] == ("no" if name == "migrate" else "unless-stopped")
        assert "healthcheck" in one or name == "migrate"
        assert "." not in one["image"].partition("/")[0].partition(":")[0], "a host's name"
    assert [name for name, one in services.items() if "ports" in one] == ["caddy"]
    assert [name for name, one in services.items() if "cap_add" in one] == ["caddy"]
    assert services["web1"] == services["web2"]
    assert services["work"]["deploy"]["replicas"] == 2
    assert compose()["networks"]["inside"]["internal"] is True


def test_what_has_begun_may_end_before_anybody_is_killed() -> None:
    needed = serve.DRAIN_WITHIN + serve.STOP_WITHIN
    grace = compose()["services"]["web1"]["stop_grace_period"]
    assert int(grace.removesuffix("s")) > needed
    (unit,) = re.findall(r"TimeoutStopSec=(\d+)", text_of("deploy/cayda.service"))
    assert int(unit) > needed
    assert "max_size 500MB" in text_of("deploy/Caddyfile")
    assert Settings().body_bytes == 500_000_000


def test_the_image_is_made_of_what_is_here_and_runs_as_nobody() -> None:
    lines = text_of("deploy/Dockerfile").splitlines()
    copied = [line.split()[1] for line in lines if re.match(r"COPY (?!--from)", line)]
    copied += [line.split()[2] for line in lines if line.startswith("COPY pyproject")]
    assert all((ROOT / name).exists() for name in copied)
    passed = {line[1:] for line in text_of("deploy/Dockerfile.dockerignore").split() if "!" in line}
    assert passed == set(copied)
    assert lines.index("USER 10001") < lines.index('ENTRYPOINT ["cayda"]')
    assert _parses("serve")


# ------------------------------------------------------------------ systemd and Caddy


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    unit = text_of("deploy/cayda.service").replace("/srv/cayda/app/.venv/bin/cayda", "/bin/true")
    unit = re.sub(r"^(User|Group)=.*$", r"\1=root", unit, flags=re.MULTILINE)
    (tmp_path / "cayda.service").write_text(unit, encoding="utf-8")
    (tmp_path / "cayda.socket").write_text(text_of("deploy/cayda.socket"), encoding="utf-8")
    names = ("cayda.service", "cayda.socket")
    command = ["systemd-analyze", "verify", *(str(tmp_path / name) for name in names)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


with_caddy = pytest.mark.skipif(not shutil.which("caddy"), reason="no Caddy here")


CADDYFILES = ("Caddyfile", "compose.Caddyfile")


def test_the_two_files_of_caddy_differ_only_in_how_they_reach_us() -> None:
    texts = [re.sub(r"(?m)^\s*#.*\n", "", text_of(f"deploy/{name}")) for name in CADDYFILES]
    (one, _, _), (also, _, several) = (text.partition("\treverse_proxy") for text in texts)
    assert one == also
    assert "health_uri /healthz?leaving" in several
    assert f"health_interval {LEAVING / 3:.0f}s" in several  # heard before we end


@with_caddy
@pytest.mark.parametrize("name", CADDYFILES)
def test_caddy_understands_its_file(name: str) -> None:
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config"]
    done = subprocess.run([*command, str(DEPLOY / name)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


class Web(http.server.BaseHTTPRequestHandler):
    """Stands for a web process; keeps what it was asked."""

    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["X-Request-Id"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: Any) -> None:
        pass


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def caddy_before(web: int, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The real Caddy with one box's file on a free port, and its log."""
    port, log = _free_port(), tmp_path / "log"
    file = text_of("deploy/Caddyfile").replace("{\n", "{\n\tadmin off\n\tauto_https off\n", 1)
    (tmp_path / "Caddyfile").write_text(file, encoding="utf-8")
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")]
    environment = {"SITE": f"http://127.0.0.1:{port}", "WEBS": f"127.0.0.1:{web}"}
    environment |= {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    with log.open("w") as out:
        caddy = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        yield port, log
    finally:
        caddy.terminate()
        caddy.wait(10)


def get(port: int, path: str) -> int:
    until = time.monotonic() + 10
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except ConnectionRefusedError:  # Caddy does not listen yet
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        finally:
            connection.close()


@with_caddy
def test_caddy_names_each_request_hides_our_counts_and_keeps_no_token(tmp_path: Path) -> None:
    asked = list[tuple[str, str | None]]()
    handler = type("Handler", (Web,), {"asked": asked})
    path = f"/v1/key/{TOKEN}/projects/1/formList"
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with caddy_before(server.server_port, tmp_path) as (port, log):
            assert get(port, path) == 200
            assert get(port, "/metrics") == 404
            server.shutdown()
            thread.join()
            server.server_close()
            assert get(port, path) == 502
    ((where, name),) = asked
    assert where == path
    assert re.fullmatch(r"[0-9a-f-]{16,36}", name or "")
    said = log.read_text()
    assert "error" in said
    assert TOKEN not in said
