"""`hours`, `days`, `blackout`, `holidays`: when customers may be written to, by clock and calendar where they live."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from crm_store.clock import local_date, local_instant, start_of_day
from crm_store.content.faults import Fault, Faults, every
from crm_store.content.fields import Fields, items, sure, text, truth
from crm_store.content.literals import WEEKDAYS, read_date
from crm_store.content.nodes import Mapping, Node, Scalar
from crm_store.content.working import weekdays
from crm_store.restraint.publicholidays import countries, holidays_of

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_WHOLE_DAY = 24 * 60
_EVERY_DAY = tuple(range(7))
_FAR = 400  # days: what does not open within them does not open
EVERYWHERE = ("*",)


@dataclass(frozen=True)
class Hours:
    """From which minute of the day to which (the end is not in it), on which weekdays (Monday is 0), never on the days of
    `blackout` (both ends are in it), nor on public holidays in these `countries`."""

    begin: int = 0
    end: int = _WHOLE_DAY
    days: tuple[int, ...] = _EVERY_DAY
    blackout: tuple[tuple[date, date], ...] = ()
    countries: tuple[str, ...] = ()

    def within(self, other: Hours) -> Hours:
        """When both of them hold; `other` is a campaign's, which has hours and days only."""
        begin, end = max(self.begin, other.begin), min(self.end, other.end)
        return replace(self, begin=begin, end=end, days=tuple(day for day in self.days if day in other.days))

    @property
    def never(self) -> bool:
        return self.begin >= self.end or not self.days

    def observes(self, country: str) -> bool:
        """Whether the country's public holidays are kept."""
        return bool(country) and (self.countries == EVERYWHERE or country in self.countries)

    def opens(self, now: datetime, zone: ZoneInfo, country: str = "", region: str | None = None) -> datetime | None:
        """The first instant from `now` on at which it is open there; None: none within a year and a month.

        A time that comes twice is open only if it is both times: an hour begins with the second and ends with the first.
        """
        today = local_date(now, zone)
        for day in (today + timedelta(days=n) for n in range(_FAR)):
            if self._is_open_on(day, country, region):
                at = max(now, _second(day, self.begin, zone))
                if at < _first(day, self.end, zone):
                    return at
        return None

    def _is_open_on(self, day: date, country: str, region: str | None) -> bool:
        if day.weekday() not in self.days or any(first <= day <= last for first, last in self.blackout):
            return False
        return not (self.observes(country) and day in holidays_of(country, region, day.year))

    def __str__(self) -> str:
        hours = "" if (self.begin, self.end) == (0, _WHOLE_DAY) else f"{_written(self.begin)}-{_written(self.end)}"
        days = "" if self.days == _EVERY_DAY else " ".join(WEEKDAYS[day] for day in self.days)
        closed = [*(["blackout days"] if self.blackout else []), *(["public holidays"] if self.countries else [])]
        said = " on ".join(one for one in (hours, days) if one) or "any time"
        return said + (f", not on {' and '.join(closed)}" if closed else "")


ANY_TIME = Hours()


def _first(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The instant of that minute of a local day, the first of two; the end of a gap that it is in."""
    if minute == _WHOLE_DAY:
        return start_of_day(day + timedelta(days=1), zone)
    return local_instant(day, time(*divmod(minute, 60)), zone)


def _second(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The same, the second of two."""
    local = datetime.combine(day, time(*divmod(minute, 60)))
    later = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return later if later.astimezone(zone).replace(tzinfo=None, fold=0) == local else _first(day, minute, zone)


def _written(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def read_hours(fields: Fields) -> Hours:
    """`hours: 09:00-20:00` and `days: [mon, tue]`, of a campaign or of the company."""
    begin, end = fields.get("hours", _span, (0, _WHOLE_DAY))
    return Hours(begin, end, tuple(sorted(set(fields.several("days", weekdays) or _EVERY_DAY))))


def read_company_hours(fields: Fields, faults: Faults) -> Hours:
    """The same with `blackout: [2026-12-24, {from: .., until: ..}]` and `holidays: true`, or `[DE, AT]`."""
    blackout = fields.several("blackout", lambda node: every(lambda one: _closed(one, faults), items(node)))
    return replace(read_hours(fields), blackout=blackout, countries=fields.several("holidays", _countries))


def check_opens(hours: Hours, company: Hours, fields: Fields) -> None:
    """Fault a campaign's `hours` or `days` that leave nothing open of the company's."""
    key = "hours" if fields.has("hours") else "days"
    if fields.has(key) and hours.within(company).never:
        what = f"'{hours}' never opens: config/rapport.yaml has '{replace(company, blackout=(), countries=())}'"
        fields.fault(fields.place_of(key), f"{what}; both hold, so leave an hour of a day that both have")


def _span(node: Node) -> tuple[int, int]:
    found = _HOURS.fullmatch(text(node))
    begin, end = (int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])) if found else (0, 0)
    if end < begin:
        what = "hours over midnight can't be said; write those of one day, such as 09:00-20:00"
        raise Fault(node.place, f"'{text(node)}' ends before it begins: {what}")
    if not begin < end <= _WHOLE_DAY:
        raise Fault(node.place, f"'{text(node)}' must be hours of a day such as 09:00-20:00, at most until 24:00")
    return begin, end


def _closed(node: Node, faults: Faults) -> tuple[date, date]:
    if not isinstance(node, Mapping):
        return (day := read_date(node)), day
    fields = Fields(node, faults, "a blackout")
    first, last = fields.need("from", read_date), fields.need("until", read_date)
    if first is not None and last is not None and last < first:
        fields.fault(fields.place_of("until"), f"'{last}' is before '{first}'; write the last day on which nothing is sent")
    fields.close()
    return sure(first), sure(last)


def _countries(node: Node) -> tuple[str, ...]:
    if isinstance(node, Scalar):
        return EVERYWHERE if truth(node) else ()
    return every(_country, items(node))


def _country(node: Node) -> str:
    if text(node) not in countries():
        raise Fault(node.place, f"of '{text(node)}' no public holidays are known; write ISO 3166 codes such as DE")
    return text(node)
