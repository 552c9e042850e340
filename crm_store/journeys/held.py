"""Campaigns that are held because their file is gone, and files that look as if they were those under another name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from difflib import SequenceMatcher

from sqlalchemy import Connection, func, select, update

from crm_store import definitions
from crm_store.content.faults import Fault, Place
from crm_store.content.sources import CAMPAIGNS
from crm_store.definitions import Text
from crm_store.errors import ContentError
from crm_store.schema import campaign, enrolment

FILE_GONE = "file gone"
ALIKE = 0.6  # of their lines, from which on two files look like one


def hold_those_without_file(conn: Connection, names: Collection[str], now: datetime) -> list[str]:
    """Nobody can see or change any more what they send: their touches are passed over until the file is back.

    They go on planning, and are neither paused nor ended. Returns those that are held since just now.
    """
    gone = campaign.c.name.not_in(names), campaign.c.status == "live", campaign.c.held.is_distinct_from(FILE_GONE)
    held = update(campaign).where(*gone).values(held=FILE_GONE, held_since=now).returning(campaign.c.name)
    return sorted(conn.execute(held).scalars())


def let_go(conn: Connection, name: str) -> None:
    """Its file is there."""
    held = campaign.c.name == name, campaign.c.held == FILE_GONE
    conn.execute(update(campaign).where(*held).values(held=None, held_since=None))


def refuse_renamed_without_was(conn: Connection, texts: Sequence[Text]) -> None:
    """Raise ContentError for new campaign files that look like one whose file is gone while customers are under way in it.

    Taken for two, the old one would be held, and the new one would enter its customers anew.
    """
    files = {text.name: _only_file(text) for text in texts if text.kind == "campaign"}
    known = set(conn.execute(select(campaign.c.name)).scalars())
    new = {name: file for name, file in files.items() if name not in known}
    if not new:
        return
    faults = [
        Fault(
            Place(path, 1),
            f"looks like campaign '{old}', whose file is gone while {count} of its customers are under way; "
            f"write `was: {old}` into it, or put {CAMPAIGNS}/{old}.yaml back (`status: ended` ends it)",
        )
        for old, count in _under_way(conn, known.difference(files))
        for path, text in new.values()
        if _alike(text, _published_text(conn, old)) >= ALIKE
    ]
    if faults:
        raise ContentError(faults)


def _under_way(conn: Connection, names: Collection[str]) -> Iterator[tuple[str, int]]:
    """(campaign, how many are under way), those where somebody is."""
    open_ = enrolment.c.campaign.in_(names), enrolment.c.state == "in"
    counted = select(enrolment.c.campaign, func.count()).where(*open_).group_by(enrolment.c.campaign)
    yield from (tuple(row) for row in conn.execute(counted.order_by(enrolment.c.campaign)))


def _published_text(conn: Connection, name: str) -> str:
    definition_id = definitions.current_id(conn, "campaign", name)
    files = definitions.load(conn, definition_id).files if definition_id is not None else {}
    return next((text for path, text in files.items() if path.startswith(f"{CAMPAIGNS}/")), "")


def _only_file(text: Text) -> tuple[str, str]:
    """(path, text) of the campaign's own file."""
    return next((path, content) for path, content in text.files.items() if path.startswith(f"{CAMPAIGNS}/"))


def _alike(one: str, other: str) -> float:
    """How much of two files is the same, line by line, whatever their comments say."""
    return SequenceMatcher(None, lines_of(one), lines_of(other), autojunk=False).ratio()


def lines_of(text: str) -> list[str]:
    """What a file says, without its comments."""
    lines = (line.partition(" #")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
