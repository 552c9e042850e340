"""The calendar in SQL agrees with the calendar in Python, on both databases: gaps, overlaps, lost days, short months."""

from __future__ import annotations

from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import literal, select

from crm_store.calendar import at_local_time, may_reach, shifted, shifted_day
from crm_store.clock import local_instant
from crm_store.content.literals import Duration
from crm_store.schema.types import Instant, Words
from crm_store.store import Store

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Auckland",
    "Australia/Lord_Howe",  # half an hour
    "Pacific/Apia",  # without the 30th of December 2011
    "America/Santiago",  # changes at midnight
    "Asia/Kathmandu",
    "UTC",
)
zones = st.sampled_from(ZONES)
days = st.dates(date(2005, 1, 1), date(2035, 12, 31))
times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
# Nearly all of what is odd happens near a change of clocks.
CHANGES = [date(2026, 3, 29), date(2026, 10, 25), date(2026, 4, 5), date(2026, 10, 4), date(2011, 12, 30), date(2026, 9, 6)]
odd_days = st.builds(lambda day, by: day + timedelta(days=by), st.sampled_from(CHANGES), st.integers(-1, 1)) | days
spans = st.builds(Duration, st.integers(1, 30), st.sampled_from(["month", "year", "day", "hour"]))
day_spans = st.builds(Duration, st.integers(1, 40), st.sampled_from(["month", "year", "day", "week"]))
signs = st.sampled_from([1, -1])


@given(day=odd_days, at=times, zone=zones)
@example(day=date(2026, 3, 29), at=time(2, 30), zone="Europe/Berlin")
@example(day=date(2026, 10, 25), at=time(2, 30), zone="Europe/Berlin")
@example(day=date(2026, 10, 4), at=time(2, 15), zone="Australia/Lord_Howe")
@example(day=date(2026, 4, 5), at=time(1, 45), zone="Australia/Lord_Howe")
@example(day=date(2011, 12, 30), at=time(9, 0), zone="Pacific/Apia")
def test_a_local_time_of_a_day(store: Store, day: date, at: time, zone: str) -> None:
    said = at_local_time(literal(day.isoformat(), Words), at, literal(zone, Words))
    with store.read() as conn:
        assert conn.execute(select(said)).scalar() == local_instant(day, at, ZoneInfo(zone))


@given(day=odd_days, at=times, zone=zones, span=spans, sign=signs)
@example(day=date(2026, 1, 31), at=time(9, 0), zone="Europe/Berlin", span=Duration(1, "month"), sign=1)
@example(day=date(2026, 2, 28), at=time(2, 30), zone="Europe/Berlin", span=Duration(1, "month"), sign=1)
@example(day=date(2026, 2, 25), at=time(2, 30), zone="Europe/Berlin", span=Duration(8, "month"), sign=1)
@example(day=date(2012, 1, 30), at=time(9, 0), zone="Pacific/Apia", span=Duration(1, "month"), sign=-1)
def test_an_instant_so_much_later(store: Store, day: date, at: time, zone: str, span: Duration, sign: int) -> None:
    where = ZoneInfo(zone)
    start = local_instant(day, at, where)
    said = shifted(literal(start, Instant()), span, sign, literal(zone, Words))
    with store.read() as conn:
        assert conn.execute(select(said)).scalar() == span.shift(start, sign, where)


@given(day=odd_days, at=times, zone=zones, count=st.integers(1, 13), hours=st.integers(0, 100))
@example(day=date(2011, 11, 30), at=time(15), zone="Pacific/Apia", count=1, hours=0)  # comes out a day later
@example(day=date(2026, 3, 29), at=time(3), zone="Europe/Berlin", count=2, hours=0)
@example(day=date(2026, 1, 31), at=time(0), zone="UTC", count=1, hours=0)
def test_what_an_index_can_tell_of_months_later_loses_nothing(
    store: Store, day: date, at: time, zone: str, count: int, hours: int
) -> None:
    where, span, around = ZoneInfo(zone), Duration(count, "month"), timedelta(hours=hours)
    start = local_instant(day, at, where)
    ends = span.shift(start, 1, where)
    tests = [
        may_reach(literal(start, Instant()), span, first, last, where)
        for first, last in [
            (ends - around, ends),
            (ends, ends + around),
            (ends + timedelta(days=9), ends + timedelta(days=9)),
        ]
    ]
    with store.read() as conn:
        assert [bool(one) for one in conn.execute(select(*tests)).one()] == [True, True, False]


@given(day=days, span=day_spans, sign=signs)
@example(day=date(2028, 2, 29), span=Duration(1, "year"), sign=1)
@example(day=date(2026, 3, 31), span=Duration(1, "month"), sign=-1)
def test_a_day_so_much_later(store: Store, day: date, span: Duration, sign: int) -> None:
    with store.read() as conn:
        said = conn.execute(select(shifted_day(literal(day.isoformat(), Words), span, sign))).scalar()
    assert said == span.shift_date(day, sign).isoformat()


def test_what_is_no_day_and_nothing_at_all_are_nothing(store: Store) -> None:
    month, berlin = Duration(1, "month"), literal("Europe/Berlin", Words)
    none = literal(None, Instant())
    said = [
        *(at_local_time(literal(word, Words), time(9), berlin) for word in ("2026-02-30", "soon")),
        *(shifted_day(literal(word, Words), month, 1) for word in ("2026-02-30", "soon")),
        shifted(none, month, 1, berlin),
    ]
    with store.read() as conn:
        assert list(conn.execute(select(*said)).one()) == [None] * 5
