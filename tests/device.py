"""Phones with a vocabulary: what Lan, Minh and Hoa do, sent to the app as ODK Collect would."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask

from server.demo.diary import EntityEdit
from server.demo.phone import Filled
from tests.collect import Collect
from tests.network import Door, OkHttp, Socket, Weather


class Device(Collect):
    """A phone whose owner speaks in sentences. Set up with one club."""

    def __init__(
        self,
        server_url: str,
        line: Flask | Door | Socket,
        club_id: str,
        *,
        username: str = "",
        password: str = "",
        restart: Callable[[], None] = lambda: None,
        new_uuid: Callable[[], uuid.UUID] = uuid.uuid4,
    ) -> None:
        self.weather = Weather(Door(line) if isinstance(line, Flask) else line, restart)
        self.http = OkHttp(self.weather, username, password)
        super().__init__(server_url, transport=self.http, new_uuid=new_uuid)
        self.club_id = club_id

    # ---- where it is
    def goes_offline(self) -> Device:
        self.weather.is_offline = True
        return self

    def comes_online(self) -> Device:
        self.weather.is_offline = False
        return self

    def goes_to_market(self) -> Device:
        """Where a gateway answers in the server's place, kindly and with 200."""
        self.weather.at_market = True
        return self

    def leaves_market(self) -> Device:
        self.weather.at_market = False
        return self

    def meets(self, *faults: str) -> Device:
        """What its next requests will meet, one each; "" = nothing."""
        self.weather.brings(*faults)
        return self

    def loses_power(self) -> Device:
        """Off and on again: only what stands in its memory is there afterwards."""
        memory = json.loads(json.dumps(self.memory()))
        self.http = OkHttp(self.weather, self.http.username, self.http.password)
        self.transport = self.http
        self.outbox, self.sent, self.held, self.forms, self.lists = [], [], [], {}, {}
        self.entities, self.drafts = {}, {}
        self.remembers(memory)
        return self

    def takes_new_qr(self, server_url: str) -> Device:
        self.server_url = server_url
        return self

    # ---- what it does
    def receives(self) -> Device:
        """Forms and lists from the server."""
        self.sync()
        return self

    def sends(self) -> int:
        return self.send()

    def members(self) -> list[str]:
        """Who is on this phone's list, by label."""
        return [row["label"] for row in self.lists["members"]]

    def registers(self, full_name: str, born: int, *, joined: str, **answers: Any) -> str:
        """A new member; the id made on the phone."""
        member = str(self.new_uuid())
        label = f"{full_name} · {born} · tổ 1"
        given = {
            "club": self.club_id,
            "member_club": self.club_id,
            "consent_date": joined,
            "c_member": "yes",
            "c_health": "yes",
            "c_care": "yes",
            "c_photo": "no",
            "full_name": full_name,
            "sex": "female",
            "birth_precision": "year",
            "birth_year": born,
            "born_in_year": born,
            "join_date": joined,
            "hamlet": "tổ 1",
            "hh_class": "poor",
            "living": "alone",
            "is_volunteer": "no",
            "board_role": "none",
            "care_need": "no",
            "member_label": label,
            "member_status": "active",
        }
        self.fill("membership", {**given, **answers}, entity=EntityEdit(member, "create", label))
        return member

    def visits(
        self, client: str, *, on: str, at: str = "09:00", by: str = "", **answers: Any
    ) -> str:
        """A visit at home where the client was met, an hour long; its instanceID."""
        given = {
            "club": self.club_id,
            "client_kind": "in_care",
            "client": client,
            "visit_date": on,
            "start_time": f"{at}:00.000+07:00",
            "minutes": 60,
            "volunteers": by or client,
            "outcome": "met",
            "tasks": "talk",
        }
        return self.fill("care_visit", {**given, **answers}).instance_id

    def checks(self, member: str, *, on: str, pressure: tuple[int, int], version: int = 1) -> str:
        """A full health check with two equal readings; its instanceID."""
        sys, dia = pressure
        answers = {
            "club": self.club_id,
            "member": member,
            "check_date": on,
            "check_kind": "full",
            "sys1": sys,
            "dia1": dia,
            "sys2": sys,
            "dia2": dia,
            "glu_done": "no",
            "new_last_check_on": on,
        }
        edit = EntityEdit(member, "update", base_version=str(version))
        return self.fill("health_check", answers, entity=edit).instance_id

    def corrects(
        self, instance_id: str, files: Mapping[str, bytes] | None = None, **answers: Any
    ) -> str:
        """A form filled before, opened again; the instanceID of the edit."""
        before = next(f for f in (*self.sent, *self.outbox) if f.instance_id == instance_id)
        return self.edit(before, answers, files).instance_id

    def notes(
        self, member: str, *, photos: Mapping[str, bytes] | None = None, **answers: Any
    ) -> Filled:
        """What is new about a member, with photos; a form of our own (tests/journeys/forms.py)."""
        pictures = {f"photo{n}": name for n, name in enumerate(photos or {}, 1)}
        given = {"club": self.club_id, "member": member, **pictures, **answers}
        edit = EntityEdit(member, "update")
        return self.fill("member_news", given, entity=edit, files=photos)
