"""Instants: attributes and events, at the very edges of every window; days and periods are the company's, in Berlin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.segmentation.asking import Audience

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
# Midnights in Berlin, and other instants that windows begin or end at.
EDGES = {
    "now": "2026-06-15T12:00",
    "today": "2026-06-14T22:00",
    "yesterday": "2026-06-13T22:00",
    "tomorrow": "2026-06-15T22:00",
    "day after": "2026-06-16T22:00",
    "30 days ago": "2026-05-16T12:00",
    "90 minutes ago": "2026-06-15T10:30",
    "month ago": "2026-05-15T12:00",
    "year ago": "2025-06-15T12:00",
    "in 2 days": "2026-06-17T12:00",
    "this week": "2026-06-14T22:00",
    "last week": "2026-06-07T22:00",
    "next week": "2026-06-21T22:00",
    "this month": "2026-05-31T22:00",
    "last month": "2026-04-30T22:00",
    "next month": "2026-06-30T22:00",
    "this quarter": "2026-03-31T22:00",
    "this year": "2025-12-31T23:00",
    "winter day": "2026-01-30T23:00",
    "winter day end": "2026-01-31T23:00",
    "nine": "2026-01-31T08:00",
    "half past nine": "2026-01-31T08:30:15",
    "short day": "2026-03-28T23:00",
    "short day end": "2026-03-29T22:00",
    "gap": "2026-03-29T01:00",
    "long day": "2025-10-25T22:00",
    "long day end": "2025-10-26T23:00",
    "overlap": "2025-10-26T00:30",
    "overlap again": "2025-10-26T01:30",
}
# A window with its first and last instant; None is open. The last one is in it, unless `-` stands before: then just before.
WINDOWS = [
    ("in_last: 30 days", "30 days ago", "now"),
    ("in_last: 720 hours", "30 days ago", "now"),
    ("in_last: 90 minutes", "90 minutes ago", "now"),
    ("in_last: 5400 seconds", "90 minutes ago", "now"),
    ("in_last: 1 month", "month ago", "now"),
    ("in_last: 1 year", "year ago", "now"),
    ("in_last: 0 days", "now", "now"),
    ("before: 30 days ago", None, "-30 days ago"),
    ("since: 30 days ago", "30 days ago", None),
    ("before: 1 month ago", None, "-month ago"),
    ("since: 2026-06-01", "this month", None),
    ("before: 2026-06-01", None, "-this month"),
    ("since: 2026-01-31 09:00", "nine", None),
    ("before: 2026-01-31 09:30:15", None, "-half past nine"),
    ("between: [2026-01-31, 2026-01-31]", "winter day", "-winter day end"),
    ("between: [2026-01-31 09:00, 2026-01-31 09:30:15]", "nine", "half past nine"),
    ("between: [2026-01-31 09:00, 2026-06-14]", "nine", "-today"),
    ("between: [30 days ago, 90 minutes ago]", "30 days ago", "90 minutes ago"),
    ("between: [2026-06-01, 90 minutes ago]", "this month", "90 minutes ago"),
    ("is: 2026-01-31", "winter day", "-winter day end"),
    ("is: 2026-03-29", "short day", "-short day end"),
    ("is: 2025-10-26", "long day", "-long day end"),
    ("during: today", "today", "-tomorrow"),
    ("during: yesterday", "yesterday", "-today"),
    ("during: this week", "this week", "-next week"),
    ("during: last week", "last week", "-this week"),
    ("during: this month", "this month", "-next month"),
    ("during: last month", "last month", "-this month"),
    ("during: this quarter", "this quarter", "-next month"),
    ("during: this year", "this year", None),
    ("during: last year", None, "-this year"),
    ("since: 2026-03-29 02:30", "gap", None),  # a local time that does not exist: the next one that does
    ("since: 2025-10-26 02:30", "overlap", None),  # one that comes twice: the first
    ("before: 2025-10-26 02:30", None, "-overlap"),
]
AHEAD = [
    ("in_next: 2 days", "now", "in 2 days"),
    ("in_next: 48 hours", "now", "in 2 days"),
    ("before: 2 days from now", None, "-in 2 days"),
    ("since: 2 days from now", "in 2 days", None),
    ("during: tomorrow", "tomorrow", "-day after"),
    ("between: [now, 2 days from now]", "now", "in 2 days"),
]


def at(edge: str) -> datetime:
    return datetime.fromisoformat(EDGES[edge]).replace(tzinfo=UTC)


INSTANTS = {
    f"{name}{sign}": at(name) + shift for name in EDGES for sign, shift in (("-", -TICK), ("", timedelta(0)), ("+", TICK))
}


@pytest.fixture(scope="module")
def people(audience: Audience) -> Audience:
    """For each edge somebody who was seen then, and ordered then; one just before it, and one just after."""
    seen = [{"key": name, "attributes": {"seen": instant.isoformat()}} for name, instant in INSTANTS.items()]
    orders = [{"customer": name, "event": "order", "at": instant.isoformat()} for name, instant in INSTANTS.items()]
    audience.fill([*seen, {"key": "nobody"}], orders)
    return audience


def within(first: str | None, last: str | None) -> set[str]:
    """The names of the instants from the one edge to the other."""
    start = at(first) if first else datetime.min.replace(tzinfo=UTC)
    end = datetime.max.replace(tzinfo=UTC)
    if last:
        end = at(last.removeprefix("-")) - (TICK if last.startswith("-") else timedelta(0))
    return {name for name, instant in INSTANTS.items() if start <= instant <= end}


def past(names: set[str]) -> set[str]:
    return {name for name in names if INSTANTS[name] <= NOW}


@pytest.mark.parametrize(("who", "first", "last"), [*WINDOWS, *AHEAD])
def test_a_window_on_an_attribute(people: Audience, who: str, first: str | None, last: str | None) -> None:
    assert set(people.chosen(f"attribute: seen, {who}", NOW)) == within(first, last)


@pytest.mark.parametrize(("who", "first", "last"), [*WINDOWS, *AHEAD])
def test_a_window_on_events_never_reaches_beyond_now(
    people: Audience, who: str, first: str | None, last: str | None
) -> None:
    assert set(people.chosen(f"event: order, {who}", NOW)) == past(within(first, last))


@pytest.mark.parametrize(("who", "first", "last"), [*WINDOWS, *AHEAD])
@pytest.mark.parametrize("measure", ["first", "last"])
def test_a_window_on_the_only_event(people: Audience, who: str, first: str | None, last: str | None, measure: str) -> None:
    assert set(people.chosen(f"event: order, {measure}: {{{who}}}", NOW)) == past(within(first, last))


def test_an_instant_is_set_whenever_it_is(people: Audience) -> None:
    assert set(people.chosen("attribute: seen, is_set: true", NOW)) == set(INSTANTS)
    assert people.chosen("attribute: seen, is_set: false", NOW) == ["nobody"]


@pytest.mark.parametrize(("one", "other"), [("30 days ago", "30 days ago"), ("2026-06-01", "2026-06-01")])
def test_before_and_since_are_exact_rests(people: Audience, one: str, other: str) -> None:
    before = set(people.chosen(f"attribute: seen, before: {one}", NOW))
    since = set(people.chosen(f"attribute: seen, since: {other}", NOW))
    assert before | since == set(INSTANTS)
    assert before & since == set()
