"""What random companies and their campaigns say of restraint, as the plain data their files are written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from tests.journeys.random_journeys import DAY, ENTRIES, Journeys, Said, campaigns, journeys
from tests.journeys.simulator_times import duration
from tests.world import AGREED

# By these everybody has something due all the time.
OFTEN: tuple[Said, ...] = (
    {"enter": {"event": "cart_updated"}, "again": "per event", "limit": "4 per 1 days"},
    {"kind": "broadcast", "enter": {"cron": "0 */6 * * *"}},
)
BARS = ("runs", "exit_when", "audience", "hold_out")
OWED = {"purpose": "service", "basis": "the contract", "steps": [{"send": "hello", "name": "first"}]}
PERS = ("9 hours", "1 days", "2 days", "4 days")
HOURS: tuple[Said, ...] = ({}, {"hours": "09:00-20:00"}, {"hours": "02:15-21:30"}, {"hours": "10:00-24:00"})
DAYS: tuple[Said, ...] = ({}, {}, {}, {"days": ["mon", "tue", "wed", "thu", "fri"]}, {"days": ["thu", "sat", "sun"]})
HOLIDAYS: tuple[Said, ...] = ({}, {"holidays": True}, {"holidays": ["DE"]})
OWN_HOURS: tuple[Said, ...] = (
    {},
    {},
    {},
    {"hours": "14:00-15:15"},
    {"hours": "06:00-22:00"},
    {"days": ["mon", "thu", "sat"]},
)
WAITS: tuple[Said, ...] = ({}, {"wait_at_most": "20 hours"}, {"wait_at_most": "3 days"})


@st.composite
def _caps(draw: st.DrawFn, least: int, most: int) -> list[Said]:
    return [
        {"at_most": draw(st.sampled_from([1, 1, 2])), "per": draw(st.sampled_from(PERS))}
        | draw(st.sampled_from([{}, {}, {"topic": "offers"}, {"topic": "news"}, {"channel": "email"}]))
        for _ in range(draw(st.integers(least, most)))
    ]


@st.composite
def _of_company(draw: st.DrawFn, noon: datetime) -> Said:
    days = [f"{noon + n * DAY:%Y-%m-%d}" for n in range(-1, 4)]
    closed: tuple[Said, ...] = (
        {},
        {"blackout": [days[2]]},
        {"blackout": [days[0], {"from": days[3], "until": days[4]}]},
    )
    said = {**draw(st.sampled_from(HOURS)), **draw(st.sampled_from(DAYS)), **draw(st.sampled_from(HOLIDAYS))}
    caps = draw(_caps(1, 2))
    return said | draw(st.sampled_from(closed)) | {"caps": caps}


@st.composite
def restrained(draw: st.DrawFn, said: Said, company: Mapping[str, Any], priorities: Sequence[int] = (40, 50, 60)) -> Said:
    """The same campaign file, with what it says of restraint."""
    own = draw(st.sampled_from(OWN_HOURS)) | draw(st.sampled_from(WAITS))
    if said.get("purpose") == "service":
        return {**said, **own}
    caps = [cap for cap in draw(_caps(0, 1)) if not any(_allows_no_less(cap, one) for one in company.get("caps", []))]
    own = own | {"priority": draw(st.sampled_from(priorities)), "when_capped": draw(st.sampled_from(["skip", "wait"]))}
    return {**said, **own} | ({"caps": caps} if caps else {})


def _allows_no_less(cap: Said, one: Said) -> bool:
    """As `rapport check` refuses it."""
    covered = all(name not in one or one[name] == cap.get(name) for name in ("topic", "channel"))
    return covered and cap["at_most"] >= one["at_most"] and duration(cap["per"]) <= duration(one["per"])


@st.composite
def _campaign(draw: st.DrawFn, noon: datetime, company: Mapping[str, Any], entries: Sequence[Said]) -> Said:
    """A file of the journeys, most of which write to somebody as she enters."""
    said = dict(draw(campaigns(noon, entries)))
    return draw(restrained(_prompt(said) if draw(st.integers(0, 3)) else said, company))


def _prompt(said: Said) -> Said:
    kept = {name: value for name, value in said.items() if name not in BARS}
    return {**kept, "late": {"within": "2 days"}, "steps": [{"send": "hello", "name": "first"}, *said["steps"]]}


@st.composite
def _rivals(draw: st.DrawFn, noon: datetime, company: Mapping[str, Any]) -> dict[str, Said]:
    """Three campaigns that all want the same people at the same time; one of them owes it to them."""
    entry = [draw(st.sampled_from(OFTEN))]
    marketing = campaigns(noon, entry).filter(lambda said: "topic" in said)
    files = {name: _prompt(draw(marketing)) for name in "abc"}
    files["b"] = {name: said for name, said in files["b"].items() if name not in ("topic", "offers")} | OWED
    orders = {"a": (40, 50, 60), "b": (), "c": (60, 50, 40)}  # the first of each is what the simplest shop has
    return {name: draw(restrained(said, company, orders[name])) for name, said in files.items()}


@st.composite
def restrained_journeys(draw: st.DrawFn) -> Journeys:
    """A random shop whose customers must not be annoyed."""
    given = draw(journeys())
    noon = given.begin + 2 * DAY
    company = draw(_of_company(noon))
    others = {name: draw(_campaign(noon, company, ENTRIES)) for name in draw(st.sampled_from(["", "d", "de"]))}
    people = tuple({**raw, "consents": draw(st.sampled_from([raw["consents"], AGREED, AGREED]))} for raw in given.people)
    files = draw(_rivals(noon, company)) | others
    return replace(given, people=people, campaigns=files, restraint=company, hold_out="0 %")


def changed_restraint(noon: datetime, said: Mapping[str, Any], company: Mapping[str, Any]) -> st.SearchStrategy[Said]:
    """The file says something else, but for who enters."""
    entry = {key: said[key] for key in ("kind", "enter", "again", "limit") if key in said}
    return _campaign(noon, company, [entry])
