"""What people must know before anything else: campaigns that are held."""

from __future__ import annotations

from crm_store.content.sources import CAMPAIGNS
from crm_store.journeys.context import Standing
from crm_store.journeys.held import FILE_GONE
from crm_store.journeys.published import standings
from crm_store.store import Store


def alerts(store: Store) -> list[str]:
    """A line for each campaign that is held, and what to do."""
    with store.read() as conn:
        return [_alert(one) for one in standings(conn) if one.held]


def _alert(one: Standing) -> str:
    since = f"{one.held_since:%Y-%m-%d %H:%M} UTC" if one.held_since else "a while"
    what = f"campaign '{one.name}' is held since {since}: {one.held}"
    if one.held != FILE_GONE:
        return f"{what}; nothing of it is sent"
    file = f"{CAMPAIGNS}/{one.name}.yaml"
    return f"{what}; nothing of it is sent. Put {file} back, or end it there with `status: ended`"
