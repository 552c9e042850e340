"""Business time: instants in UTC, local dates and times in zones, calendar arithmetic. Nothing here reads a clock but
`machine_instant` and `MachineClock`."""

from __future__ import annotations

import time as machine
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crm_store.errors import UsageError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(instant: datetime) -> int:
    """Microseconds since 1970-01-01 UTC: how instants are stored."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def from_micros(value: int) -> datetime:
    return EPOCH + timedelta(microseconds=value)


def machine_instant() -> datetime:
    """The machine's clock: for leases, time-outs and records of when something was done, never for who is due."""
    return from_micros(machine.time_ns() // 1000)


class MachineClock:
    """What leases, time-outs and waits go by. Another may stand in its place, so that an hour passes at once."""

    def instant(self) -> datetime:
        """UTC; people and NTP set it, so it may jump."""
        return machine_instant()

    def monotonic(self) -> float:
        """Seconds from an unknown beginning; it never jumps."""
        return machine.monotonic()

    def sleep(self, seconds: float) -> None:
        machine.sleep(seconds)


def parse_instant(text: str, zone: ZoneInfo) -> datetime:
    """An ISO 8601 date or date and time as an instant; without an offset it is local in `zone`.

    Raises ValueError if it is neither.
    """
    value = datetime.fromisoformat(text.strip())
    try:
        return value.astimezone(UTC) if value.tzinfo else local_instant(value.date(), value.time(), zone)
    except OverflowError:
        raise ValueError("before the year 1 or after 9999 in UTC") from None


def parse_now(text: str | None, zone: ZoneInfo) -> datetime:
    """`--now`, or the machine's clock. Raises UsageError."""
    if text is None:
        return machine_instant()
    try:
        now = parse_instant(text, zone)
    except ValueError:
        raise UsageError(f"--now '{text}' is not a date and time; write e.g. 2017-12-24T09:00:00Z") from None
    if not 1970 <= now.year < 3000:  # room for calendar arithmetic on both sides
        raise UsageError(f"--now '{text}' is out of reach; write a year from 1970 to 2999")
    return now


@cache
def zone_or_none(name: str | None) -> ZoneInfo | None:
    """The zone of that IANA name (old names included), or None for anything else."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@cache
def only_zone_of_country(country: str | None) -> str | None:
    """The zone of a country that has just one (zone.tab of the IANA database), else None."""
    return _country_zones().get(country.upper()) if country else None


@cache
def _country_zones() -> dict[str, str]:
    zones: dict[str, list[str]] = {}
    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, _, name = line.split("\t")[:3]
            zones.setdefault(country, []).append(name)
    return {country: names[0] for country, names in zones.items() if len(names) == 1}


def local_instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The UTC instant of a local time: in a DST gap the next valid instant, in an overlap the first of the two."""
    naive = datetime.combine(day, at.replace(tzinfo=None))
    first = naive.replace(tzinfo=zone).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == naive:
        return first
    return _end_of_gap(naive.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant between the two at which the zone's offset changes."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(microseconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    return local_instant(day, time(0), zone)


def is_leap_year(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def span(length: timedelta) -> str:
    """A length of time in its largest whole unit, e.g. `5 minutes`."""
    seconds = length.total_seconds()
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds and seconds % size == 0:
            return _counted(seconds / size, unit)
    return _counted(seconds, "second")


def roughly(length: timedelta) -> str:
    """A length of time as people say an age: in whole days, hours or minutes, the largest of which it has two."""
    for size in (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)):
        if length >= 2 * size:
            return span(length // size * size)
    return span(length // timedelta(seconds=1) * timedelta(seconds=1))


def _counted(number: float, unit: str) -> str:
    return f"{number:g} {unit}" + ("" if number == 1 else "s")
