"""What runs is what was published: each distinct content of a segment, campaign or template, by hash, with who and when."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from crm_store.dialect import insert
from crm_store.ledger.log import Order
from crm_store.schema import definition, published

# What is asked again and again, of each campaign in each tick; made once.
_OF_DEFINITION = definition.c.kind == bindparam("kind"), definition.c.name == bindparam("name")
_OF_PUBLISHED = published.c.kind == bindparam("kind"), published.c.name == bindparam("name")
_IS_CURRENT = published.c.definition_id == definition.c.id
_ID = select(definition.c.id).where(*_OF_DEFINITION, definition.c.hash == bindparam("hash"))
_CURRENT_ID = select(published.c.definition_id).where(*_OF_PUBLISHED)
_CURRENT = select(definition.c.id, definition.c.hash).join(published, _IS_CURRENT).where(*_OF_PUBLISHED)
_NAME = select(definition.c.name).where(definition.c.id == bindparam("id"))
_HASH = select(definition.c.hash).where(definition.c.id == bindparam("id"))


@dataclass(frozen=True)
class Provenance:
    """Where a definition comes from, and by whose order it is published."""

    git_commit: str | None
    author: str | None
    at: datetime
    order: Order


@dataclass(frozen=True)
class Text:
    """A content to publish: its closure as texts by path, and the version of what renders it ('' if nothing does)."""

    kind: str
    name: str
    files: Mapping[str, str]
    renderer: str


@dataclass(frozen=True)
class Definition:
    """A published content: its closure as texts by path."""

    id: int
    kind: str
    name: str
    hash: str
    files: Mapping[str, str]


def content_hash(files: Mapping[str, str], renderer: str) -> str:
    """The hash a content is known by: of its whole closure and the version of what turns it into mails."""
    return hashlib.sha256(json.dumps([renderer, sorted(files.items())]).encode()).hexdigest()[:32]


def publish(conn: Connection, text: Text, by: Provenance) -> bool:
    """Make this content the current one of its name. Returns whether that changed anything."""
    kind, name, key = text.kind, text.name, content_hash(text.files, text.renderer)
    row = {"kind": kind, "name": name, "hash": key, "files": dict(text.files), "renderer": text.renderer}
    origin = {"git_commit": by.git_commit, "author": by.author, "published_at": by.at}
    conn.execute(insert(conn, definition).on_conflict_do_nothing(), {**row, **origin})
    new_id = conn.execute(_ID, {"kind": kind, "name": name, "hash": key}).scalar_one()
    if current_id(conn, kind, name) == new_id:
        return False
    statement = insert(conn, published).values(kind=kind, name=name, definition_id=new_id)
    conn.execute(
        statement.on_conflict_do_update(index_elements=["kind", "name"], set_={"definition_id": new_id}),
    )
    return True


def current_id(conn: Connection, kind: str, name: str) -> int | None:
    """The published definition of that name."""
    return conn.execute(_CURRENT_ID, {"kind": kind, "name": name}).scalar()


def current(conn: Connection, kind: str, name: str) -> tuple[int, str] | None:
    """The published definition of that name, and its hash."""
    row = conn.execute(_CURRENT, {"kind": kind, "name": name}).first()
    return (row.id, row.hash) if row else None


def load(conn: Connection, definition_id: int) -> Definition:
    row = conn.execute(select(definition).where(definition.c.id == definition_id)).one()
    return Definition(row.id, row.kind, row.name, row.hash, row.files)


def name_of(conn: Connection, definition_id: int) -> str:
    """The name it has now: that of a campaign may have been changed."""
    return str(conn.execute(_NAME, {"id": definition_id}).scalar_one())


def hash_of(conn: Connection, definition_id: int) -> str:
    return str(conn.execute(_HASH, {"id": definition_id}).scalar_one())
