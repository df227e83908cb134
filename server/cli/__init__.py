"""The command `cayda`: parses, calls one function, prints for people or as one JSON object.

Exit status: 0 good, 1 found something wrong, 2 misused. Heavy imports stand inside the commands,
because the process that only watches the others starts here too.
"""

from __future__ import annotations

import click

from server import logs
from server.cli.backup import backup, restore
from server.cli.checks import doctor, reprocess, retry, status, verify_stored
from server.cli.clubs import club
from server.cli.command import Group
from server.cli.drafts import draft
from server.cli.duplicates import duplicates
from server.cli.entities import entity
from server.cli.events import events
from server.cli.files import export
from server.cli.follow_up import follow_up
from server.cli.forms import form
from server.cli.options import Options
from server.cli.pairs import dismiss, estimate, list_pairs
from server.cli.people import user
from server.cli.person import person
from server.cli.phones import phone
from server.cli.reports import report
from server.cli.run import door, migrate, serve, web, work
from server.cli.submissions import submission
from server.cli.tokens import token
from server.cli.units import unit
from server.cli.why import why

SERVING = ("serve", "web", "door", "work")


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cayda")
@click.pass_context
def main(context: click.Context) -> None:
    """Cây Đa: máy chủ cho phiếu ODK/KoBo / a server for ODK and KoBo forms."""
    context.ensure_object(Options)
    logs.configure(serves=context.invoked_subcommand in SERVING)


form.add_command(draft)
for verb in (list_pairs, dismiss, estimate, events):
    duplicates.add_command(verb)
for command in (
    *(serve, web, door, work, migrate),
    *(user, token, phone),
    *(form, club, unit, entity, duplicates, person, submission, report),
    *(export, why, follow_up),
    *(reprocess, retry, verify_stored, doctor, status, backup, restore),
):
    main.add_command(command)
