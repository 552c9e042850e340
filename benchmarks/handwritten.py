"""Segments as a person writes them in SQL: `hand_sql/NAME.sql`, each in several formulations.

A file is a list of formulations, each headed `-- formulation: NAME`, and `-- dialect: sqlite` or `postgres` where the two
need another text. They use the store's tables, indexes and tallies, and answer with the ids of customers. In them

    :now, :ago_90d      instants, written out as a program would bind them
    {among e.customer_id}  nothing where all customers are asked; where some are, `AND e.customer_id IN (1, 2, ...)`, on
                        PostgreSQL `= ANY ('{1,2,...}')`: the writer says where the ids go, at as many places as help
    [[name]]            the text of parts/NAME.sql
    {{birthdays}}       what a person works out beforehand: days of the calendar in each zone, rates, months (see _TABLES)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from dateutil.relativedelta import relativedelta
from sqlalchemy import Connection, select

from benchmarks.shape import DAY, NOW
from crm_store.clock import local_instant, micros
from crm_store.intake.buckets import PRIME, first_bytes
from crm_store.schema import zone

FOLDER = Path(__file__).with_name("hand_sql")
WORKSPACE = Path(__file__).with_name("workspace")
COMPANY = ZoneInfo("Europe/Berlin")
KILOMETRES = (
    "2 * 6371.0088 * asin(sqrt(power(sin(radians(c.latitude - {0}) / 2), 2) + cos(radians({0})) * cos(radians(c.latitude))"
    " * power(sin(radians(c.longitude - {1}) / 2), 2)))"
)


@dataclass(frozen=True)
class Formulation:
    """One way to write a segment; `text` still has its placeholders."""

    name: str
    dialect: str | None
    text: str


@dataclass(frozen=True)
class Known:
    """What a person looks up before writing: the database, and each zone's row and name."""

    dialect: str  # sqlite | postgres
    zones: Mapping[int, ZoneInfo]

    def today(self, zone_id: int) -> date:
        return NOW.astimezone(self.zones[zone_id]).date()


def look_up(conn: Connection) -> Known:
    """Few rows: the distinct zones customers live in."""
    rows = conn.execute(select(zone.c.id, zone.c.name)).all()
    dialect = "postgres" if conn.dialect.name == "postgresql" else "sqlite"
    return Known(dialect, {row.id: ZoneInfo(row.name) if row.name else COMPANY for row in rows})


def names() -> list[str]:
    """The segments that are written by hand."""
    return sorted(path.stem for path in FOLDER.glob("*.sql"))


def formulations(name: str, dialect: str) -> list[Formulation]:
    """All ways the segment is written for that database."""
    parts = re.split(r"^-- formulation: (.+)$", (FOLDER / f"{name}.sql").read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = [_formulation(head, body) for head, body in zip(parts[1::2], parts[2::2], strict=True)]
    return [one for one in found if one.dialect in (None, dialect)]


def _formulation(head: str, body: str) -> Formulation:
    match = re.match(r"\s*-- dialect: (\w+)\n", body)
    return Formulation(head.strip(), match[1] if match else None, body[match.end() :] if match else body)


def sql_of(formulation: Formulation, known: Known, ids: Sequence[int] | None = None) -> str:
    """The statement; among these ids if any are given."""
    text = re.sub(r"\[\[(\w+)\]\]", lambda match: _part(match[1]), formulation.text)
    text = re.sub(r"\{\{([\w ]+)\}\}", lambda match: _TABLES[match[1]](known), text)
    among = _among(ids, known) if ids is not None else ""
    text = re.sub(r"\{among ([\w.]+)\}", lambda match: f"AND {match[1]} {among}" if among else "", text)
    text = re.sub(r":ago_(\d+)d\b", lambda match: str(micros(NOW) - int(match[1]) * DAY), text)
    return re.sub(r":(\w+)\b", lambda match: _VALUES.get(match[1], match[0]), text)


def _among(ids: Sequence[int], known: Known) -> str:
    """How each database reads a thousand ids soonest: bound one by one they take PostgreSQL 12 ms, as an array 2."""
    listed = ",".join(map(str, ids))
    return f"= ANY ('{{{listed}}}'::bigint[])" if known.dialect == "postgres" else f"IN ({listed})"


def _part(name: str) -> str:
    lines = (FOLDER / "parts" / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))


_VALUES = {
    "now": str(micros(NOW)),
    "sample_a": str(1 + first_bytes("a:best") % (PRIME - 1)),
    "sample_b": str(first_bytes("b:best") % PRIME),
}


def _rows(rows: Sequence[Sequence[object]], known: Known) -> str:
    return ", ".join("(" + ", ".join(_literal(value, known) for value in row) + ")" for row in rows)


def _literal(value: object, known: Known) -> str:
    if isinstance(value, date):
        return f"DATE '{value}'" if known.dialect == "postgres" else f"'{value}'"
    return f"'{value}'" if isinstance(value, str) else str(value)


def _week(today: date) -> list[date]:
    return [today + timedelta(days=ahead) for ahead in range(8)]


def _birthdays(known: Known) -> str:
    return _rows([(one, day.month, day.day) for one in known.zones for day in _week(known.today(one))], known)


def _jubilees(known: Known) -> str:
    return _rows([(one, day) for one in known.zones for day in _past(_week(known.today(one)))], known)


def _past(days: Sequence[date]) -> list[date]:
    return [day - relativedelta(years=years) for day in days for years in (1, 2)]


def _zones_and_days(known: Known) -> str:
    """One line for each date that it is somewhere."""
    parts = []
    for today in sorted({known.today(one) for one in known.zones}):
        zones = ", ".join(str(one) for one in known.zones if known.today(one) == today)
        days = " OR ".join(f"c.birth_month = {day.month} AND c.birth_day = {day.day}" for day in _week(today))
        dates = ", ".join(_literal(day, known) for day in _past(_week(today)))
        parts.append(f"c.zone_id IN ({zones}) AND ({days} OR c.joined_on IN ({dates}))")
    return " OR ".join(parts)


def _rate_rows() -> list[tuple[str, int, int, int]]:
    """(currency, since, before, millionths of a euro) of every rate; instants in the company's zone."""
    vocabulary = yaml.safe_load((WORKSPACE / "config/vocabulary.yaml").read_text(encoding="utf-8"))
    found: list[tuple[str, int, int, int]] = []
    for currency, rates in vocabulary["currencies"].items():
        days = sorted((rates or {date(1970, 1, 1): "1 EUR"}).items())
        starts = [micros(local_instant(day, datetime.min.time(), COMPANY)) for day, _ in days]
        ends = [*starts[1:], 2**62]
        values = [round(float(rate.split()[0]) * 1_000_000) for _, rate in days]
        found += [(currency, *row) for row in zip(starts, ends, values, strict=True)]
    return found


def _rate_of_e(_: Known) -> str:
    rows = sorted(_rate_rows(), key=lambda row: (row[0] != "EUR", -row[1]))
    whens = " ".join(f"WHEN e.currency = '{row[0]}' AND e.at >= {row[1]} THEN {row[3]}" for row in rows)
    return f"CASE {whens} END"


def _months() -> list[int]:
    """The ends of the last six rolling months, now first, then the beginning of the oldest."""
    here = NOW.astimezone(COMPANY).replace(tzinfo=None)
    back = [here - relativedelta(months=months) for months in range(7)]
    return [micros(local_instant(one.date(), one.time(), COMPANY)) for one in back]


def _month_of_e(_: Known) -> str:
    whens = " ".join(f"WHEN e.at > {start} THEN {number}" for number, start in enumerate(_months()[1:]))
    return f"CASE {whens} END"


def _shops(_: Known) -> list[tuple[float, float]]:
    places = yaml.safe_load((WORKSPACE / "config/places.yaml").read_text(encoding="utf-8"))["places"]
    return [(one["latitude"], one["longitude"]) for one in places.values() if one["kind"] == "shop"]


def _boxes(known: Known) -> str:
    """Ten kilometres are 0.09 degrees of latitude, and less than 0.2 of longitude up to 60 degrees north."""
    box = "c.latitude BETWEEN {} AND {} AND c.longitude BETWEEN {} AND {} AND {} <= 10"
    return " OR ".join(
        box.format(lat - 0.0905, lat + 0.0905, lon - 0.2, lon + 0.2, KILOMETRES.format(lat, lon))
        for lat, lon in _shops(known)
    )


def _by_dialect(sqlite: str, postgres: str) -> Callable[[Known], str]:
    return lambda known: {"sqlite": sqlite, "postgres": postgres}[known.dialect]


_TABLES: Mapping[str, Callable[[Any], str]] = {
    "birthdays": _birthdays,
    "jubilees": _jubilees,
    "zones and days of c": _zones_and_days,
    "rates": lambda known: _rows(_rate_rows(), known),
    "rate of e": _rate_of_e,
    "month of e": _month_of_e,
    "six months ago": lambda _: str(_months()[-1]),
    "shops": lambda known: _rows(_shops(known), known),
    "shop boxes of c": _boxes,
    "least": _by_dialect("min", "least"),
    "greatest": _by_dialect("max", "greatest"),
    "first gap": _by_dialect("1", "0"),  # where the missing gap of the first event sorts
    "materialized": _by_dialect("MATERIALIZED", "MATERIALIZED"),
}
