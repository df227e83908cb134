"""Forms from a designer's folder: checked, published, listed, given back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from server.cli.command import Group, with_new_runtime, with_runtime
from server.cli.options import Options, pass_options
from server.cli.paths import EXISTING_FILE, NEW_FILE, ending
from server.cli.problems import fail_in, problem_json, problem_lines
from server.cli.terminal import GOOD, WRONG, fail, plain, say, say_table

if TYPE_CHECKING:
    from forms.library import Library
    from forms.problems import Problem
    from forms.xlsform import Compiled
    from server.runtime import Runtime
    from sync.blobs import FormBlob

DRAFT = "draft"


@click.group(cls=Group)
def form() -> None:
    """Biểu mẫu: .xlsx, .md, .csv hoặc XForm .xml / forms."""


@form.command("check")
@click.argument("paths", nargs=-1, required=True, type=EXISTING_FILE, metavar="PATH...")
@pass_options
def form_check(options: Options, paths: tuple[Path, ...]) -> None:
    """Nói rõ sai ở trang, dòng, ô nào / say what is wrong, with sheet, row and cell."""
    from server.runtime import open_library

    library = open_library(options.settings())
    found = {path: _problems(path, library) for path in paths}
    lines = [problem_lines(path, found[path]) or f"{path}: tốt / good" for path in found]
    forms = [
        {
            "path": path,
            "good": not any(problem.status for problem in problems),
            "problems": [problem_json(problem) for problem in problems],
        }
        for path, problems in found.items()
    ]
    good = all(one["good"] for one in forms)
    say("\n".join(lines), good=good, forms=forms)
    sys.exit(GOOD if good else WRONG)


def _problems(path: Path, library: Library) -> list[Problem]:
    """What is wrong with the form by itself; if nothing is, with the lists it asks for."""
    from forms.form_lists import known_lists, list_problems
    from forms.form_problems import FormRefused
    from forms.schema import read_schema
    from forms.xlsform import compile_form

    try:
        compiled = compile_form(path.read_bytes(), _kind(path), path.stem)
    except FormRefused as refused:
        return list(refused.problems)
    schema = read_schema(compiled.xform)
    return [*list_problems(schema, library, known_lists(library, schema)), *compiled.warnings]


@form.command("publish")
@click.argument("paths", nargs=-1, metavar="PATH...|ID...")
@click.option(
    "--public-key",
    "key_file",
    type=EXISTING_FILE,
    help="Máy mã hóa phiếu bằng khóa này / phones encrypt for this key (PEM).",
)
@click.option("--plain", is_flag=True, help="ID: thôi mã hóa / encrypt no more.")
@click.option(
    "--library",
    "whole",
    is_flag=True,
    help="Mọi biểu mẫu của thư viện, sau khi nâng cấp / all of the library's, after an upgrade.",
)
@with_new_runtime
def form_publish(
    runtime: Runtime, paths: tuple[str, ...], key_file: Path | None, plain: bool, whole: bool
) -> None:
    """Công bố biểu mẫu cùng tệp ở bên cạnh / publish forms with the files beside them.

    ID với --public-key hay --plain: đổi khóa của biểu mẫu đã công bố / change a form's key.
    """
    from forms.form_key import read_public_key

    key = read_public_key(key_file.read_bytes()) if key_file else None
    published = []
    if whole == bool(paths):
        fail("Cần tên tệp, hoặc --library. / Name the files, or say --library.")
    if whole:
        published += _publish_library(runtime)
    for name in paths:
        if Path(name).is_file() and not plain:
            published.append(_publish_file(runtime, Path(name), key))
        elif key or plain:
            published.append(_publish_key(runtime, name, key))
        else:
            fail(f"Không có tệp {name}. / There is no file {name}.")
    say_table("forms", published)


def _publish_library(runtime: Runtime) -> list[dict[str, object]]:
    from sync import publish

    with telling(runtime.library.path), runtime.database.write() as db:
        publish.publish_library(db, runtime.blobs, runtime.library, runtime.now(), "operator")
    return [_published(runtime, name) for name in runtime.library.forms]


def _publish_file(runtime: Runtime, path: Path, key: str | None) -> dict[str, object]:
    from sync import publish

    with telling(path):
        compiled, media = read_form(runtime, path)
        with runtime.database.write() as db:
            publish.publish_form(
                db, runtime.library, compiled, media, runtime.now(), "operator", key
            )
    return _published(runtime, compiled.xml_form_id)


def _publish_key(runtime: Runtime, xml_form_id: str, key: str | None) -> dict[str, object]:
    from sync import publish

    with telling(Path(xml_form_id)), runtime.database.write() as db:
        publish.set_public_key(db, runtime.library, xml_form_id, key, runtime.now(), "operator")
    return _published(runtime, xml_form_id)


def read_form(runtime: Runtime, path: Path) -> tuple[Compiled, dict[str, FormBlob]]:
    """A designer's file compiled, and the files beside it put away; what gives doubt is told."""
    from forms.xlsform import compile_form
    from server.new_form import put_files

    compiled = compile_form(path.read_bytes(), _kind(path), path.stem)
    if compiled.warnings:
        click.echo(problem_lines(path, compiled.warnings), err=True)
    return compiled, put_files(runtime, compiled, path.parent)


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """What refuses the form in this file, as its designer looks for it."""
    from forms.form_problems import FormRefused

    try:
        yield
    except FormRefused as refused:
        fail_in(path, refused.problems)


def _published(runtime: Runtime, xml_form_id: str) -> dict[str, object]:
    """The line of a form just published. One that is closed stays so, which may surprise."""
    from sync.form_list import read_forms

    with runtime.database.read() as db:
        lines = [one for one in read_forms(db) if one.xml_form_id == xml_form_id]
    line = next(one for one in lines if not one.state.startswith(DRAFT))
    if line.missing:
        names = ", ".join(line.missing)
        click.echo(
            f"{xml_form_id}: còn thiếu tệp {names}; gửi bằng “cayda form media”. "
            f"/ the files {names} are missing; give them with “cayda form media”.",
            err=True,
        )
    return {"xml_form_id": xml_form_id, "version": line.version, "state": line.state}


# ------------------------------------------------------------------ life


def _change_state(runtime: Runtime, xml_form_id: str, state: str, vi: str, en: str) -> None:
    from sync import publish

    with runtime.database.write() as db:
        publish.set_state(db, xml_form_id, state, runtime.now(), "operator")
    say(f"{xml_form_id}: {vi} / {en}", xml_form_id=xml_form_id, state=state)


@form.command("open")
@click.argument("xml_form_id", metavar="ID")
@with_runtime
def form_open(runtime: Runtime, xml_form_id: str) -> None:
    """Mở lại / phones list it again."""
    _change_state(runtime, xml_form_id, "open", "đang mở", "open")


@form.command("closing")
@click.argument("xml_form_id", metavar="ID")
@with_runtime
def form_closing(runtime: Runtime, xml_form_id: str) -> None:
    """Ẩn khỏi máy, vẫn nhận phiếu đã điền / hidden, filled-in forms still taken."""
    _change_state(
        runtime,
        xml_form_id,
        "closing",
        "đã ẩn, vẫn nhận phiếu đã điền",
        "hidden; filled-in forms are taken",
    )


@form.command("close")
@click.argument("xml_form_id", metavar="ID")
@with_runtime
def form_close(runtime: Runtime, xml_form_id: str) -> None:
    """Đóng: phiếu đến sau vẫn giữ và bị đánh dấu / what comes later is kept, and flagged."""
    _change_state(
        runtime,
        xml_form_id,
        "closed",
        "đã đóng; phiếu đến sau được giữ và đánh dấu",
        "closed; what comes later is kept and flagged",
    )


@form.command("media")
@click.argument("xml_form_id", metavar="ID")
@click.argument("files", nargs=-1, required=True, type=EXISTING_FILE, metavar="FILE...")
@with_runtime
def form_media(runtime: Runtime, xml_form_id: str, files: tuple[Path, ...]) -> None:
    """Thay hoặc thêm tệp của bản đang dùng / give the current version new files."""
    from server.new_form import put_file
    from sync import publish

    blobs = []
    for path in files:
        with path.open("rb") as stream:
            blobs.append(put_file(runtime, path.name, stream))
    now = runtime.now()
    with runtime.database.write() as db:
        names = [
            publish.replace_media(db, xml_form_id, path.name, blob, now, "operator")
            for path, blob in zip(files, blobs, strict=True)
        ]
    say(
        "\n".join(f"{xml_form_id}: {name}" for name in names),
        xml_form_id=xml_form_id,
        files=names,
    )


@form.command("key")
@click.option("--public", type=NEW_FILE, required=True, help="Ghi khóa công khai / public key.")
def form_key(public: Path) -> None:
    """Tạo cặp khóa; khóa riêng chỉ in ra màn hình một lần / a pair; the private half is only shown.

    Máy chủ không bao giờ ghi khóa riêng lên đĩa / the server never writes the private key.
    """
    from forms.form_key import new_pair

    if public.exists():
        fail(f"Đã có tệp {public}. / {public} exists already.")
    private_pem, public_pem = new_pair()
    public.write_bytes(public_pem)
    say(private_pem.decode(), private_key=private_pem.decode(), public=public)
    click.echo(
        "KHÓA RIÊNG ở trên chỉ hiện lần này. In ra giấy hoặc chép vào USB, cất nơi khóa kỹ, "
        "hai bản ở hai nơi. Mất khóa thì không ai đọc được phiếu đã mã hóa. "
        "/ The PRIVATE KEY above is shown this once. Keep it on paper or a USB stick, locked "
        "away, in two places. Without it nobody can read the encrypted forms.",
        err=True,
    )


@form.command("list")
@with_runtime
def form_list(runtime: Runtime) -> None:
    """Mọi biểu mẫu: bản, trạng thái, số phiếu / every form: versions, state, submissions."""
    from sync.form_list import read_forms

    with runtime.database.read() as db:
        found = read_forms(db)
    say_table("forms", ({**plain(one), "missing": ", ".join(one.missing)} for one in found))


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
    return ending(path) if ending(path) in ("md", "csv", "xml") else "xlsx"
