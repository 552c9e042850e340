"""Quiet hours in the claim: where, as of `now`, nothing of a campaign may leave, and when it may again.

Worked out for the few zones and countries that customers live in, and looked up by the statement that judges.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Text, cast, func, literal, select, type_coerce

from crm_store.clock import local_date, micros, zone_or_none
from crm_store.dialect import folded
from crm_store.journeys.context import Runnable
from crm_store.many import value_of
from crm_store.restraint.hours import ANY_TIME, Hours
from crm_store.restraint.publicholidays import regions, regions_that_differ
from crm_store.schema import customer, zone
from crm_store.schema.types import Instant, Words

_NEVER = 2**62  # later than everything expires
_Zones = tuple[tuple[int, str | None, str], ...]


def hours_of(newest: Runnable, is_service: bool) -> Hours:
    """When mails of a campaign may leave: of marketing the company's and its own hold, of service its own. What somebody
    entered as marketing stays so, whatever the file calls it by now."""
    own = newest.campaign.restraint.hours
    return own if is_service else newest.settings.hours.within(own)


def closed_until(conn: Connection, newest: Runnable, is_service: bool, now: datetime) -> str:
    """When it opens, in microseconds, by `zNUMBER` for each row of `zone` where it is closed as of `now`; by
    `zNUMBER/REGION` where the holidays of a region make a difference, as JSON. Empty: it is open for everybody."""
    hours = hours_of(newest, is_service)
    if hours == ANY_TIME:
        return ""
    rows = conn.execute(select(zone.c.id, zone.c.name, zone.c.country).order_by(zone.c.id))
    return _closed(hours, newest.settings.company.zone, now, tuple((row[0], row[1], row[2]) for row in rows))


@lru_cache(maxsize=64)
def _closed(hours: Hours, company: ZoneInfo, now: datetime, zones: _Zones) -> str:
    """A tick has one `now`: its batches share this."""
    found: dict[str, int] = {}
    for zone_id, name, country in zones:
        where = zone_or_none(name) or company
        opens = hours.opens(now, where, country)
        if opens != now:
            found[f"z{zone_id}"] = _stored(opens)
        for written, there in _in_regions(hours, now, where, country, opens):
            found[f"z{zone_id}/{written}"] = _stored(there)
    return json.dumps(found) if found else ""


def _in_regions(
    hours: Hours, now: datetime, where: ZoneInfo, country: str, opens: datetime | None
) -> Iterator[tuple[str, datetime | None]]:
    """How a region is written that does not open with its country, and when it opens."""
    if not hours.observes(country):
        return
    first, last = local_date(now, where), local_date(opens or now, where)
    for region in regions_that_differ(country, first, last):
        there = hours.opens(now, where, country, region)
        if there != opens:
            yield from ((written, there) for written in sorted(regions(country)[region]))


def _stored(opens: datetime | None) -> int:
    return _NEVER if opens is None else micros(opens)


def opens(closed: str) -> ColumnElement[datetime]:
    """SQL on the customer: when it opens for her; long ago where it is open."""
    in_zone = literal("z", Words) + cast(customer.c.zone_id, Text())
    in_region = in_zone + literal("/", Words) + folded(func.trim(customer.c.region))
    found = func.coalesce(value_of(closed, in_region), value_of(closed, in_zone), 0)
    return type_coerce(found, Instant())
