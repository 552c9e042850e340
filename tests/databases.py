"""Databases on the tests' PostgreSQL server: each is a copy of another, and gone at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count

import psycopg
from sqlalchemy import make_url

TEMPLATE = f"rapport_template_{os.getpid()}"  # a store without rows
EMPTY = "template0"  # no store yet
_numbers = count()


def database_url(server: str, name: str) -> str:
    """The address of a database on the server on which another one is."""
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def administration(server: str) -> psycopg.Connection:
    """The one connection of this process by which databases come and go. The server's fixture closes it."""
    return _connected(database_url(server, "postgres"))


@cache
def _connected(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True)


@contextmanager
def new_database(server: str, template: str = TEMPLATE) -> Iterator[str]:
    """The address of a copy of a database that nobody has open."""
    name = f"rapport_{os.getpid()}_{next(_numbers)}"
    conn = administration(server)
    # Copied as files; page by page through the log, as is usual, takes three times as long.
    conn.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield database_url(server, name)
    conn.execute(f"DROP DATABASE {name} WITH (FORCE)")
