"""Engines of tests to one kind of database are alike: what each would make anew, they share.

A server opens its connections and compiles its statements once; thousands of tests did so again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url

import sync.database
from sync.vault import Vault, give

SECRET = "5e" * 32  # of all tests' data; else no two would have the same types of columns
VAULT = Vault(lambda: bytes.fromhex(SECRET))
MOST = 10  # connections that wait for the next test; PostgreSQL takes a hundred


@contextmanager
def statements_shared() -> Iterator[None]:
    """While the block runs, all engines to SQLite with this VAULT share what they have compiled."""
    first = sa.create_engine("sqlite://")
    first.connect().close()  # then a dialect knows its database
    with _shared(first, lambda url: url.get_backend_name() == "sqlite"):
        yield
    first.dispose()


@contextmanager
def connections_shared(url: str) -> Iterator[None]:
    """The same for engines to that PostgreSQL, which also take a connection that another closed.

    Nothing of its session is left: no transaction, lock, setting, temporary table or prepared
    statement. Engines to other databases, and those of other processes, open their own.
    """
    here, process, new_engine = make_url(url), os.getpid(), sync.database._pg_engine
    idle: list[psycopg.Connection] = []

    def is_here(asked: URL) -> bool:
        return (asked.database, asked.query, os.getpid()) == (here.database, here.query, process)

    def engine_to(asked: URL) -> Engine:
        engine = new_engine(asked)
        if is_here(asked):
            _keep(engine, idle)
        return engine

    first = engine_to(sync.database.Database(url).url)
    first.connect().close()
    with _shared(first, is_here), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync.database, "_pg_engine", engine_to)
        yield
    first.dispose()
    for connection in idle:
        connection.close()


@contextmanager
def _shared(first: Engine, is_alike: Any) -> Iterator[None]:
    give(first, VAULT)

    def give_and_share(engine: Engine, vault: Vault) -> None:
        give(engine, vault)
        if vault is VAULT and is_alike(engine.url):
            engine.dialect = engine.pool._dialect = first.dialect
            engine._compiled_cache = first._compiled_cache

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync.database, "give", give_and_share)
        yield


def _keep(engine: Engine, idle: list[psycopg.Connection]) -> None:
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
