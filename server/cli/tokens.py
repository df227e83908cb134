"""API tokens at the console: made for a person, listed, revoked."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

import click

from server.cli.command import Group, with_runtime
from server.cli.people import NOBODY
from server.cli.terminal import WRONG, fail, say, say_table

if TYPE_CHECKING:
    from server.runtime import Runtime

NOT_THERE = "Không có mã truy cập số này, hoặc đã thu hồi. / No such token, or it was revoked."


@click.group(cls=Group)
def token() -> None:
    """Mã truy cập cho chương trình / API tokens: what a program may do in a person's name."""


@token.command("add")
@click.argument("name")
@click.option("--user", "person", required=True, help="Của người nào / whose.")
@click.option(
    "--may", "scope", multiple=True, required=True, help="Được làm gì / a verb; several times."
)
@click.option(
    "--until",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    help="Hết hạn cuối ngày này / ends with this day (Vietnam).",
)
@with_runtime
def token_add(
    runtime: Runtime, name: str, person: str, scope: tuple[str, ...], until: datetime
) -> None:
    """Tạo mã; chỉ hiện một lần / make a token; it is shown once."""
    from forms.days import VIETNAM
    from server import auth
    from sync import accounts, tokens

    ends = datetime.combine(until, time.max, VIETNAM).astimezone(UTC)
    secret = auth.new_token()
    with runtime.database.write() as db:
        found = accounts.find_user(db, person)
        if found is None:
            fail(NOBODY, WRONG)
        made = tokens.add(
            *(db, runtime.library, found.caller, name, scope, ends, secret),
            *(runtime.now(), "operator"),
        )
    say(
        f"Mã truy cập (chỉ hiện một lần) / the token (shown once): {secret}",
        id=made,
        name=name,
        person=person,
        scope=sorted(set(scope)),
        expires_at=ends,
        token=secret,
    )


@token.command("list")
@click.option("--user", "person", help="Của một người / of one person.")
@with_runtime
def token_list(runtime: Runtime, person: str | None) -> None:
    """Các mã truy cập / the tokens there are."""
    from sync import tokens

    now = runtime.now()
    with runtime.database.read() as db:
        every = [one for one in tokens.list_tokens(db) if person in (None, one.person)]
    say_table(
        "tokens",
        (
            {
                "id": one.id,
                "name": one.name,
                "person": one.person,
                "may": ", ".join(one.scope),
                "ends": one.expires_at,
                "used": one.last_used_at,
                "is_valid": one.is_valid(now),
            }
            for one in every
        ),
    )


@token.command("revoke")
@click.argument("number", type=int)
@with_runtime
def token_revoke(runtime: Runtime, number: int) -> None:
    """Thu hồi / end a token at its next use."""
    from sync import tokens

    with runtime.database.write() as db:
        if not tokens.revoke(db, number, runtime.now(), "operator"):
            fail(NOT_THERE, WRONG)
    say(f"Đã thu hồi / revoked: {number}", id=number, revoked=True)
