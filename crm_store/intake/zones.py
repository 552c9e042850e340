"""The zone each customer's local time is reckoned in: the own one, else the country's only one, else the company's."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from crm_store.clock import only_zone_of_country, zone_or_none
from crm_store.dialect import insert
from crm_store.schema import zone


def zone_ids(conn: Connection, pairs: Iterable[tuple[str | None, str | None]]) -> dict[tuple[str, str], int]:
    """Row ids by (time zone, country), '' for missing; new pairs get a row."""
    wanted = {(time_zone or "", country or "") for time_zone, country in pairs}
    found = _known(conn)
    missing = sorted(wanted - found.keys())
    if missing:
        rows = [{"time_zone": name, "country": country, "name": resolve(name, country)} for name, country in missing]
        conn.execute(insert(conn, zone).on_conflict_do_nothing(), rows)
        found = _known(conn)
    return found


def _known(conn: Connection) -> dict[tuple[str, str], int]:
    return {(row.time_zone, row.country): row.id for row in conn.execute(select(zone))}


def resolve(time_zone: str, country: str) -> str | None:
    """The zone to use; None means the company's."""
    return time_zone if zone_or_none(time_zone) else only_zone_of_country(country)
