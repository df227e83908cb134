"""Connections to the tests' PostgreSQL go from test to test, cleared: a new one takes 11 ms."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

import sync.database

MOST = 10  # those that wait for the next test; PostgreSQL takes a hundred


@contextmanager
def connections_kept(url: str) -> Iterator[None]:
    """While the block runs, an engine to `url` takes a connection that another has closed.

    Nothing of its session is left: no transaction, lock, setting, temporary table or prepared
    statement. Engines to other databases, and those of other processes, open their own.
    """
    idle: list[psycopg.Connection] = []
    here, process, new_engine = make_url(url), os.getpid(), sync.database._pg_engine

    def keeping(asked: URL) -> sa.Engine:
        engine = new_engine(asked)
        if (asked.database, asked.query, os.getpid()) == (here.database, here.query, process):
            _keep(engine, idle)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync.database, "_pg_engine", keeping)
        yield
    for connection in idle:
        connection.close()


def _keep(engine: sa.Engine, idle: list[psycopg.Connection]) -> None:
    close = engine.dialect.do_close

    @sa.event.listens_for(engine, "do_connect")
    def _take(*_: Any) -> psycopg.Connection | None:
        while idle:
            connection = idle.pop()
            if _cleared(connection):  # else it has died since
                return connection
        return None

    def give_back(connection: Any) -> None:
        if len(idle) < MOST and _cleared(connection):
            idle.append(connection)
        else:
            close(connection)

    engine.dialect.do_close = give_back  # type: ignore[assignment]


def _cleared(connection: psycopg.Connection) -> bool:
    """Make it as new; False where it has died."""
    try:
        connection.rollback()
        connection.isolation_level = connection.read_only = None
        connection.autocommit = True
        connection.execute("DISCARD ALL", prepare=False)
        connection.autocommit = False
    except psycopg.Error:
        return False
    connection._prepared.clear()  # what was asked often, else prepared sooner in the next test
    return True
