"""Forms from a designer's folder: checked, published, listed, given back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from server.cli.command import Group, with_runtime
from server.cli.paths import EXISTING_FILE, NEW_FILE, ending
from server.cli.problems import fail_in, problem_json, problem_lines
from server.cli.terminal import GOOD, WRONG, fail, say, say_table

if TYPE_CHECKING:
    from server.runtime import Runtime


@click.group(cls=Group)
def form() -> None:
    """Biểu mẫu: .xlsx, .md, .csv hoặc XForm .xml / forms."""


@form.command("check")
@click.argument("paths", nargs=-1, required=True, type=EXISTING_FILE, metavar="PATH...")
def form_check(paths: tuple[Path, ...]) -> None:
    """Nói rõ sai ở trang, dòng, ô nào / say what is wrong, with sheet, row and cell."""
    from forms.xlsform import check

    found = {path: check(path.read_bytes(), _kind(path), path.stem) for path in paths}
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
                publish.publish_form(
                    db, runtime.library, compiled, media, runtime.now(), "operator"
                )
        except FormRefused as refused:
            fail_in(path, refused.problems)
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
    return ending(path) if ending(path) in ("md", "csv", "xml") else "xlsx"
