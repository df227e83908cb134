"""Phones with a vocabulary: what Lan, Minh and Hoa do, sent to the app as ODK Collect would."""

from __future__ import annotations

from typing import Any

from flask import Flask

from server.demo.diary import EntityEdit
from server.demo.phone import Headers, Phone, Transport


def through(app: Flask) -> Transport:
    """The app's WSGI door as the network."""

    def transport(method: str, url: str, headers: Headers, body: bytes) -> Any:
        response = app.test_client().open(url, method=method, headers=dict(headers), data=body)
        return response.status_code, dict(response.headers), response.data

    return transport


def no_network(method: str, url: str, headers: Headers, body: bytes) -> Any:
    """A village without signal."""
    raise ConnectionError


class Device(Phone):
    """A phone whose owner speaks in sentences. Set up with one club."""

    def __init__(self, server_url: str, app: Flask, club_id: str) -> None:
        super().__init__(server_url, transport=through(app))
        self.club_id = club_id
        self._network = self.transport

    def goes_offline(self) -> Device:
        self.transport = no_network
        return self

    def comes_online(self) -> Device:
        self.transport = self._network
        return self

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
