"""The command `cayda`: parses, calls one function, prints for people or as one JSON object.

Exit status: 0 good, 1 found something wrong, 2 misused. Heavy imports stand inside the commands,
because the process that only watches the others starts here too.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import click

from forms.problems import Problem, Refused
from server.settings import SettingError, Settings, read_settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from forms.cells import Table
    from server.runtime import Runtime

GOOD, WRONG, MISUSED = 0, 1, 2
KINDS = click.Choice(["csv", "xlsx"])
FOLDER = click.Path(file_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass
class Options:
    """What may stand before or after a command's name."""

    data: Path | None = None
    as_json: bool = False

    def settings(self, host: str | None = None, port: int | None = None) -> Settings:
        return read_settings(data=self.data, host=host, port=port)


def _common() -> list[click.Parameter]:
    def set_data(context: click.Context, _: click.Parameter, value: Path | None) -> None:
        if value is not None:
            context.ensure_object(Options).data = value

    def set_json(context: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            context.ensure_object(Options).as_json = True

    return [
        click.Option(
            ["--data"],
            type=FOLDER,
            expose_value=False,
            callback=set_data,
            help="Thư mục dữ liệu / data folder (CAYDA_DATA, ./data).",
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            expose_value=False,
            callback=set_json,
            help="In một đối tượng JSON / print one JSON object.",
        ),
    ]


class Command(click.Command):
    """Takes --data and --json after its name too, and answers a refusal with its sentence."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params = [*self.params, *_common()]

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except Refused as refused:
            fail(str(refused.problem))
        except SettingError as error:
            fail(str(error))


class Group(click.Group):
    """A noun with its verbs."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params = [*self.params, *_common()]


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cayda")
@click.pass_context
def main(context: click.Context) -> None:
    """Cây Đa: máy chủ cho phiếu ODK/KoBo / a server for ODK and KoBo forms."""
    context.ensure_object(Options)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")


pass_options = click.make_pass_decorator(Options, ensure=True)


def with_runtime(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command a Runtime on a schema that is up to date."""

    @pass_options
    @functools.wraps(command)
    def wrapped(options: Options, *args: Any, **given: Any) -> Any:
        runtime = open_data(options.settings())
        try:
            return command(runtime, *args, **given)
        finally:
            runtime.database.dispose()

    return wrapped


def open_data(settings: Settings) -> Runtime:
    """The runtime of a data folder; a new embedded one is made ready first."""
    from server.runtime import open_runtime
    from server.serve import prepare
    from sync.migrations import HEAD, current

    settings.data.mkdir(parents=True, exist_ok=True)
    runtime = open_runtime(settings)
    if current(runtime.database) != HEAD:
        if not runtime.database.is_sqlite:
            fail("Xin chạy “cayda migrate” trước. / Run “cayda migrate” first.", WRONG)
        prepare(runtime)
    return runtime


# ------------------------------------------------------------------ printing


def fail(message: str, status: int = MISUSED) -> NoReturn:
    """One sentence on stderr, and the end."""
    click.echo(message, err=True)
    sys.exit(status)


def wants_json() -> bool:
    return cast(Options, click.get_current_context().find_object(Options)).as_json


def say(text: str, **found: object) -> None:
    """The text for people; with --json the object instead."""
    click.echo(json.dumps(plain(found), ensure_ascii=False) if wants_json() else text)


def say_table(name: str, rows: Iterable[Mapping[str, object]]) -> None:
    """Rows in columns under their names; with --json one object, the rows under `name`."""
    found = [dict(row) for row in rows]
    say("\n".join(_columns(found)) or "–", **{name: found})


def plain(value: object) -> Any:
    """Only what JSON knows: times as ISO text, dataclasses as objects."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain({f.name: getattr(value, f.name) for f in dataclasses.fields(value)})
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _columns(rows: Sequence[Mapping[str, object]]) -> list[str]:
    if not rows:
        return []
    texts = [list(rows[0])] + [[_cell(value) for value in row.values()] for row in rows]
    widths = [max(len(line[i]) for line in texts) for i in range(len(texts[0]))]
    return [
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in texts
    ]


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%d/%m/%Y %H:%M")
    return str(value)


def problem_line(path: Path, problem: Problem) -> str:
    """`file: sheet, row, cell: sentence / sentence`, as a designer looks for it."""
    where = problem.where
    parts = [
        where and where.sheet,
        where and where.row and f"dòng/row {where.row}",
        where and where.cell and f"ô/cell {where.cell}",
    ]
    place = ", ".join(part for part in parts if part)
    return f"{path}: {place + ': ' if place else ''}{problem}"


def problem_json(problem: Problem) -> dict[str, object]:
    """A problem as scripts read it."""
    where = problem.where
    return {
        "code": problem.code,
        "refuses": bool(problem.status),
        "sheet": where and where.sheet,
        "row": where and where.row,
        "cell": where and where.cell,
        "vi": problem.vi,
        "en": problem.en,
    }


# ------------------------------------------------------------------ running


@main.command()
@click.option(
    "--demo", is_flag=True, help="Nạp dữ liệu mẫu vào thư mục trống / fill with the demo."
)
@click.option("--host", help="127.0.0.1")
@click.option("--port", type=click.IntRange(1, 65535), help="8080")
@pass_options
def serve(options: Options, demo: bool, host: str | None, port: int | None) -> None:
    """Chạy tất cả: web và người làm việc / run everything: web and worker."""
    from server import serve as running

    settings = options.settings(host=host, port=port)
    _need_port(settings)
    sys.exit(running.serve(settings, demo))


@main.command()
@click.option("--host", help="127.0.0.1")
@click.option("--port", type=click.IntRange(1, 65535), help="8080")
@pass_options
def web(options: Options, host: str | None, port: int | None) -> None:
    """Chỉ chạy web / the web only."""
    from server import serve as running

    settings = options.settings(host=host, port=port)
    _need_port(settings)
    sys.exit(running.web(settings))


@main.command()
@click.option("--parent", type=int, hidden=True, help="End when this process ends.")
@pass_options
def work(options: Options, parent: int | None) -> None:
    """Chỉ chạy người làm việc / the worker only (rq where REDIS_URL is set)."""
    from server import serve as running

    sys.exit(running.work(options.settings(), parent))


@main.command()
@pass_options
def migrate(options: Options) -> None:
    """Cập nhật cơ sở dữ liệu / bring the schema up to date."""
    from server.serve import prepare_folder
    from sync.migrations import HEAD

    prepare_folder(options.settings())
    say(f"Cơ sở dữ liệu ở bản / the database is at {HEAD}.", revision=HEAD)


def _need_port(settings: Settings) -> None:
    from server.serve import port_is_free

    if not port_is_free(settings):
        fail(
            f"Không mở được cổng {settings.host}:{settings.port}. "
            f"/ Cannot listen on {settings.host}:{settings.port}; try --port."
        )


# ------------------------------------------------------------------ people and phones


@main.group(cls=Group)
def user() -> None:
    """Người dùng trên web / people on the web."""


@user.command("add")
@click.argument("name")
@click.option("--role", required=True)
@click.option("--unit", help="Mã đơn vị / unit code.")
@click.option("--club", help="Mã CLB / club code.")
@click.option("--password-stdin", is_flag=True, help="Đọc mật khẩu từ stdin / read it from stdin.")
@with_runtime
def user_add(
    runtime: Runtime,
    name: str,
    role: str,
    unit: str | None,
    club: str | None,
    password_stdin: bool,
) -> None:
    """Thêm một người / add a person."""
    from server.settings import secret_key
    from sync import accounts

    password = _password(password_stdin)
    sealed = accounts.seal_password(name, password, secret_key(runtime.settings))
    now = runtime.now()
    with runtime.database.write() as db:
        unit_id, club_id = _scope(db, runtime, role, unit, club)
        user_id = accounts.add_user(db, name, role, unit_id, club_id, sealed, now)
    if not (accounts.phone_safe(name) and accounts.phone_safe(password)):
        click.echo(
            "Tên hoặc mật khẩu có dấu: điện thoại đăng nhập bằng Basic có thể không gửi đúng. "
            "/ Letters with marks: phones that sign in by Basic may not send them right.",
            err=True,
        )
    say(f"Đã thêm / added: {name} ({role})", id=user_id, name=name, role=role)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return click.prompt("Mật khẩu / password", hide_input=True, confirmation_prompt=True, err=True)


@user.command("list")
@with_runtime
def user_list(runtime: Runtime) -> None:
    """Mọi người, cả đã ngừng / everybody, the disabled too."""
    from sync import accounts

    with runtime.database.read() as db:
        found = accounts.list_users(db)
    say_table(
        "users",
        ({"id": a.id, "name": a.name, "role": a.role, "disabled_at": a.ended_at} for a in found),
    )


@user.command("disable")
@click.argument("name")
@with_runtime
def user_disable(runtime: Runtime, name: str) -> None:
    """Ngừng quyền của một người / end a person's access."""
    from sync import accounts

    with runtime.database.write() as db:
        found = accounts.disable(db, name, runtime.now())
    if not found:
        fail("Không có người này. / There is no such person.", WRONG)
    say(f"Đã ngừng / disabled: {name}", name=name, disabled=True)


@main.group(cls=Group)
def phone() -> None:
    """Điện thoại gửi phiếu / phones that send forms."""


@phone.command("add")
@click.argument("name")
@click.option("--role", required=True)
@click.option("--unit", help="Mã đơn vị / unit code.")
@click.option("--club", help="Mã CLB / club code.")
@click.option("--qr", type=NEW_FILE, help="Ghi mã QR / write PNG.")
@click.option(
    "--server", help="Địa chỉ máy chủ phone thấy / address phones see (CAYDA_PUBLIC_URL)."
)
@with_runtime
def phone_add(
    runtime: Runtime,
    name: str,
    role: str,
    unit: str | None,
    club: str | None,
    qr: Path | None,
    server: str | None,
) -> None:
    """Thêm một máy; in địa chỉ và ghi mã QR / add a phone; print its URL, write its QR."""
    from server.auth import new_token
    from server.qr import phone_url, write_qr
    from server.serve import base_url
    from sync import accounts

    token = new_token()
    with runtime.database.write() as db:
        unit_id, club_id = _scope(db, runtime, role, unit, club)
        phone_id = accounts.add_app_user(db, name, role, unit_id, club_id, token, runtime.now())
    url = phone_url(server or runtime.settings.public_url or base_url(runtime.settings), token)
    if qr is not None:
        write_qr(qr, url, name)
    text = f"{name} ({role})\n{url}" + (f"\nQR: {qr}" if qr else "")
    say(text, id=phone_id, name=name, token=token, url=url, qr=qr)


@phone.command("list")
@with_runtime
def phone_list(runtime: Runtime) -> None:
    """Mọi máy, cả đã thu hồi / every phone, the revoked too."""
    from sync import accounts

    with runtime.database.read() as db:
        found = accounts.list_app_users(db)
    say_table(
        "phones",
        (
            {
                "id": a.id,
                "name": a.name,
                "role": a.role,
                "last_seen_at": a.last_seen_at,
                "revoked_at": a.ended_at,
            }
            for a in found
        ),
    )


@phone.command("revoke")
@click.argument("phone_id", type=int, metavar="ID")
@with_runtime
def phone_revoke(runtime: Runtime, phone_id: int) -> None:
    """Thu hồi mã của một máy / end a phone's access."""
    from sync import accounts

    with runtime.database.write() as db:
        found = accounts.revoke(db, phone_id, runtime.now())
    if not found:
        fail("Không có máy này. / There is no such phone.", WRONG)
    say(f"Đã thu hồi máy / revoked phone {phone_id}.", id=phone_id, revoked=True)


def _scope(
    db: Connection, runtime: Runtime, role: str, unit: str | None, club: str | None
) -> tuple[int | None, str | None]:
    """Codes as people know them → (unit id, club uuid), as of today."""
    from forms.days import vietnam_day
    from sync import places
    from sync.access import CITYWIDE

    if role not in CITYWIDE and unit is None and club is None:
        fail(
            "Vai trò này cần --club hoặc --unit, nếu không sẽ không thấy gì. "
            "/ This role needs --club or --unit, or it would see nothing."
        )
    unit_id, club_id = None, None
    if unit is not None:
        found = places.find_unit(db, unit, vietnam_day(runtime.now()))
        if found is None:
            fail(f"Không có đơn vị mã {unit}. / There is no unit {unit} today.")
        unit_id = found.id
    if club is not None:
        club_id = places.find_club(db, club)
        if club_id is None:
            fail(f"Không có CLB mã {club}. / There is no club {club}.")
    return unit_id, club_id


# ------------------------------------------------------------------ forms


@main.group(cls=Group)
def form() -> None:
    """Biểu mẫu: .xlsx, .md, .csv hoặc XForm .xml / forms."""


@form.command("check")
@click.argument("paths", nargs=-1, required=True, type=EXISTING_FILE, metavar="PATH...")
def form_check(paths: tuple[Path, ...]) -> None:
    """Nói rõ sai ở trang, dòng, ô nào / say what is wrong, with sheet, row and cell."""
    from forms.xlsform import check

    found = {path: check(path.read_bytes(), _kind(path), path.stem) for path in paths}
    refused = any(problem.status for problems in found.values() for problem in problems)
    lines = [
        "\n".join(problem_line(path, problem) for problem in problems) or f"{path}: tốt / good"
        for path, problems in found.items()
    ]
    forms = [
        {
            "path": path,
            "good": not any(problem.status for problem in problems),
            "problems": [problem_json(problem) for problem in problems],
        }
        for path, problems in found.items()
    ]
    say("\n".join(lines), good=not refused, forms=forms)
    sys.exit(WRONG if refused else GOOD)


@form.command("publish")
@click.argument("paths", nargs=-1, required=True, type=EXISTING_FILE, metavar="PATH...")
@with_runtime
def form_publish(runtime: Runtime, paths: tuple[Path, ...]) -> None:
    """Công bố biểu mẫu cùng tệp ở bên cạnh / publish forms with the files beside them."""
    from forms.form_problems import FormRefused
    from forms.xlsform import compile_form
    from sync import publish

    published = []
    for path in paths:
        try:
            compiled = compile_form(path.read_bytes(), _kind(path), path.stem)
            media = publish.put_media(runtime.blobs, runtime.library, compiled, path.parent)
            with runtime.database.write() as db:
                publish.publish_form(db, compiled, media, runtime.now(), "operator")
        except FormRefused as refused:
            fail("\n".join(problem_line(path, one) for one in refused.problems), WRONG)
        published.append({"xml_form_id": compiled.xml_form_id, "version": compiled.version})
    say_table("forms", published)


@form.command("list")
@with_runtime
def form_list(runtime: Runtime) -> None:
    """Các biểu mẫu đang mở / the open forms."""
    from sync import catalogue
    from sync.access import OPERATOR

    with runtime.database.read() as db:
        found = catalogue.list_forms(db, runtime.library, OPERATOR)
    say_table(
        "forms",
        (
            {"xml_form_id": one.xml_form_id, "version": one.version, "title": one.title}
            for one in found
        ),
    )


@form.command("show")
@click.argument("xml_form_id", metavar="ID")
@click.option("--to-xlsx", type=NEW_FILE, help="Ghi .xlsx để sửa / write a workbook to edit.")
@click.option("--to-markdown", type=NEW_FILE, help="Ghi Markdown.")
@click.option("--xform", type=NEW_FILE, help="Ghi XForm như điện thoại nhận / as phones get it.")
@with_runtime
def form_show(
    runtime: Runtime,
    xml_form_id: str,
    to_xlsx: Path | None,
    to_markdown: Path | None,
    xform: Path | None,
) -> None:
    """Một biểu mẫu và nguồn của nó / one form, and its source in the shape you want."""
    from forms import xlsform
    from forms.form_problems import FormRefused
    from sync import catalogue

    with runtime.database.read() as db:
        found = catalogue.get_source(db, xml_form_id)
    try:
        if xform is not None:
            xform.write_bytes(found.xform)
        if to_markdown is not None:
            to_markdown.write_text(xlsform.to_markdown(found.source, found.kind), encoding="utf-8")
        if to_xlsx is not None:
            to_xlsx.write_bytes(xlsform.to_xlsx(found.source, found.kind))
    except FormRefused as refused:
        fail("\n".join(str(problem) for problem in refused.problems), WRONG)
    say(
        f"{xml_form_id} {found.version}: {found.title} ({found.kind})",
        xml_form_id=xml_form_id,
        version=found.version,
        title=found.title,
        kind=found.kind,
    )


def _kind(path: Path) -> str:
    """What the file's ending says; anything else is looked at as a workbook, and refused as one."""
    suffix = path.suffix.lower().removeprefix(".")
    return suffix if suffix in ("md", "csv", "xml") else "xlsx"


# ------------------------------------------------------------------ clubs


@main.group(cls=Group)
def club() -> None:
    """Câu lạc bộ / clubs."""


@club.command("load")
@click.argument("path", type=EXISTING_FILE)
@with_runtime
def club_load(runtime: Runtime, path: Path) -> None:
    """Nạp danh sách CLB từ CSV / load clubs from a CSV; repeat it after mending the file."""
    import csv
    import io

    from sync import clubs

    text = path.read_text(encoding="utf-8-sig")
    separator = ";" if text.partition("\n")[0].count(";") else ","
    rows = list(csv.DictReader(io.StringIO(text), delimiter=separator))
    try:
        with runtime.database.write() as db:
            done = clubs.import_clubs(db, runtime.library, rows, runtime.now(), "operator")
    except clubs.FileRefused as refused:
        fail("\n".join(problem_line(path, one) for one in refused.problems), WRONG)
    say(
        f"Mới / new: {done.created}   sửa / changed: {done.updated}   "
        f"như cũ / unchanged: {done.unchanged}",
        created=done.created,
        updated=done.updated,
        unchanged=done.unchanged,
    )


# ------------------------------------------------------------------ files for the supervisor


@main.group(cls=Group)
def export() -> None:
    """Tệp cho người giám sát / the supervisor's files."""


@export.command("report")
@click.argument("code", metavar="PERIOD")
@click.option("--unit", help="Chỉ đơn vị này / of this unit only (its code on the last day).")
@click.option("--out", type=FOLDER, default=Path(), help="Thư mục ghi tệp / folder.")
@click.option("--format", "kind", type=KINDS, default="csv")
@click.option("--raw", is_flag=True, help="CSV cho máy đọc / CSV for programs.")
@with_runtime
def export_report(
    runtime: Runtime, code: str, unit: str | None, out: Path, kind: str, raw: bool
) -> None:
    """Hai bảng của kỳ, ví dụ 2025H2 / the two tables of a period, such as 2025H2."""
    from forms.periods import get_period
    from sync import audit, places
    from sync.report import report_tables

    period = get_period(code)
    with runtime.database.read() as db:
        clubs = None
        if unit is not None:
            found = places.find_unit(db, unit, period.last)
            if found is None:
                fail(f"Không có đơn vị mã {unit}. / There is no unit {unit} on that day.")
            clubs = places.clubs_under(db, found.id, period.last)
        tables = report_tables(db, runtime.library, period, clubs=clubs)
    files = write_tables(out, f"bao_cao_{code}", tables, kind, raw)
    with runtime.database.write() as db:
        audit.record(db, "operator", "report.export", f"period:{code}", runtime.now(), unit=unit)
    say("\n".join(map(str, files)), files=files)


@export.command("records")
@click.argument("xml_form_id", metavar="FORM")
@click.option("--out", type=NEW_FILE, help="Tệp ghi ra; bảng lặp nằm cạnh / repeats go beside it.")
@click.option(
    "--format", "kind", type=KINDS, help="csv, xlsx; theo đuôi tệp / by the file's ending."
)
@click.option("--codes", is_flag=True, help="Giữ mã, không thay bằng nhãn / codes, not labels.")
@click.option("--raw", is_flag=True, help="CSV cho máy đọc / CSV for programs.")
@with_runtime
def export_records(
    runtime: Runtime, xml_form_id: str, out: Path | None, kind: str | None, codes: bool, raw: bool
) -> None:
    """Mọi phiếu của một biểu mẫu, một bảng và mỗi nhóm lặp một bảng / all records of a form."""
    from sync import audit
    from sync import export as exporting

    out = out or Path(f"{xml_form_id}.{kind or 'csv'}")
    kind = kind or out.suffix.lower().removeprefix(".")
    if kind not in KINDS.choices:
        fail("Đuôi tệp phải là .csv hoặc .xlsx. / The file must end in .csv or .xlsx.")
    with runtime.database.read() as db:
        tables = exporting.export_records(db, runtime.library, xml_form_id, codes=codes)
        files = write_tables(out.parent, out.stem, _beside(tables, out.stem), kind, raw)
    with runtime.database.write() as db:
        audit.record(db, "operator", "records.export", f"form:{xml_form_id}", runtime.now())
    say("\n".join(map(str, files)), files=files)


def write_tables(
    folder: Path, book: str, tables: Iterable[Table], kind: str, raw: bool
) -> list[Path]:
    """One workbook named `book`, or a CSV per table named as the table; whole or not at all."""
    from forms.cells import to_csv
    from sync.workbook import write_xlsx

    folder.mkdir(parents=True, exist_ok=True)
    files = []
    if kind == "xlsx":
        files.append(folder / f"{book}.xlsx")
        write_xlsx(_part(files[-1]), tables)
    else:
        for table in tables:
            files.append(folder / f"{table.name}.csv")
            with _part(files[-1]).open("wb") as out:
                out.writelines(to_csv(table, raw=raw))
    for path in files:
        _part(path).replace(path)
    return files


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _beside(tables: Sequence[Table], stem: str) -> Iterator[Table]:
    """The first table under the file's own name, repeats with theirs behind it."""
    for number, table in enumerate(tables):
        name = stem if number == 0 else f"{stem}_{table.name.replace('/', '_')}"
        yield dataclasses.replace(table, name=name)


# ------------------------------------------------------------------ looking after it


@main.command()
@click.option("--form", "xml_form_id", help="Chỉ biểu mẫu này / of this form only.")
@with_runtime
def reprocess(runtime: Runtime, xml_form_id: str | None) -> None:
    """Tính lại mọi thứ suy ra từ phiếu đã giữ / compute again all that is derived."""
    from server import tasks
    from sync import verify

    with runtime.database.write() as db:
        queued = verify.reprocess(db, runtime.library, xml_form_id, runtime.now())
    tasks.run_until_empty(runtime)
    say(f"Đã tính lại {queued} phiếu. / {queued} submissions again.", submissions=queued)


@main.command("verify")
@with_runtime
def verify_stored(runtime: Runtime) -> None:
    """Chứng minh: đang lưu = tính lại; sai thì 1 và danh sách / prove that stored = recomputed."""
    import tempfile

    from sync import queue, verify

    with runtime.database.read() as db, tempfile.TemporaryDirectory(prefix="cayda-") as scratch:
        waiting = queue.depth(db).waiting
        found = verify.verify(db, runtime.library, Path(scratch), runtime.now())
    lines = [f"{one.table} {one.key}: {one.what}" for one in found]
    if waiting:
        lines.append(f"Còn {waiting} phiếu chưa xử lý. / {waiting} submissions still wait.")
    say("\n".join(lines) or "Khớp. / All the same.", differences=found, waiting=waiting)
    sys.exit(WRONG if found else GOOD)


@main.command()
@with_runtime
def doctor(runtime: Runtime) -> None:
    """Kiểm tra cài đặt / check the installation."""
    from server.doctor import examine

    findings = examine(runtime)
    say(
        "\n".join(f"{'✓' if one.good else '✗'} {one.what}: {one.found}" for one in findings),
        good=all(one.good for one in findings),
        findings=findings,
    )
    sys.exit(GOOD if all(one.good for one in findings) else WRONG)


@main.command()
@with_runtime
def status(runtime: Runtime) -> None:
    """Hàng chờ, máy gửi gần nhất, đĩa / queue, last arrival, disk. 1 when work failed for good."""
    import shutil

    from sync import queue
    from sync.status import read_status

    with runtime.database.read() as db:
        found = read_status(db)
        failed = queue.failed(db)
    free = shutil.disk_usage(runtime.settings.data).free
    last = _cell(found.last_received_at)
    lines = [
        f"Biểu mẫu / forms: {found.forms}",
        f"Người / users: {found.users}   Điện thoại / phones: {found.phones}",
        f"Phiếu / submissions: {found.submissions}   mới nhất / last: {last}",
        f"Danh sách / entities: {found.entities}   đang chờ / waiting: {found.waiting_changes}",
        f"Hàng chờ / queue: {found.queue.waiting}   hỏng / failed: {found.queue.failed}",
        f"Số liệu chưa tính / figures to measure: {found.stale_cells}",
        f"Đĩa trống / free disk: {free // 2**20} MB",
        *(f"  ! {work.name} {work.subject_id}: {work.error}" for work in failed),
    ]
    say("\n".join(lines), **plain(found), failed=failed, free_bytes=free)
    sys.exit(WRONG if found.queue.failed else GOOD)


if __name__ == "__main__":
    main(prog_name="cayda")
