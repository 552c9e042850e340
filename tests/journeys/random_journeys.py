"""Random shops as plain data: people, what they do, campaigns of every kind, what changes on the way, when the clock ticks.

Around days on which time is odd: clocks that go forward or back, a year's end, 29 February, a day that does not exist.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOONS = tuple(
    datetime.fromisoformat(f"{day}T12:00:00+00:00")
    for day in (
        "2026-06-15", "2026-03-28", "2026-10-24", "2026-10-03", "2026-04-04", "2027-02-27", "2028-02-28", "2026-12-31",
        "2011-12-29",
    )
)  # fmt: skip
ZONES = (
    "Europe/Berlin", "Asia/Kathmandu", "America/Los_Angeles", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati",
    "Pacific/Pago_Pago", "Europe/Kiev", "nowhere", None,
)  # fmt: skip
SEGMENTS = {"buyers": {"event": "order", "in_last": "1 days"}}
OFFERS = {"treat": {"discount": "15 %", "code": "unique", "valid": "3 days"}}
Said = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """As of an instant: what a record or a campaign's file says newly, its new status, a request for somebody to enter."""

    at: datetime
    customer: str = ""
    fields: Mapping[str, Any] | None = None
    campaign: str = ""
    status: str = ""
    request: str = ""
    said: Mapping[str, Any] | None = None  # of a campaign's file


@dataclass(frozen=True)
class Journeys:
    """A shop and what happens in it. `suppressed`: since when, by customer. `begin`: when the campaigns were published."""

    begin: datetime
    people: tuple[Said, ...]
    events: tuple[Said, ...]
    suppressed: Mapping[str, datetime]
    campaigns: Mapping[str, Said]
    changes: tuple[Change, ...]
    hold_out: str
    instants: tuple[datetime, ...]
    restraint: Mapping[str, Any] = field(default_factory=dict)  # of the company

    @property
    def many(self) -> int:
        """How many ways of one customer through one campaign there are."""
        return len(self.people) * len(self.campaigns)


def _said(state: str, at: datetime) -> list[Said]:
    common = {"channel": "email", "at": at.isoformat(), "basis": "consent"}
    return [{**common, "topic": topic, "state": state} for topic in ("offers", "news")]


@st.composite
def _people(draw: st.DrawFn, noon: datetime) -> tuple[Said, ...]:
    return tuple(draw(person(f"p{n}", noon)) for n in range(draw(st.integers(3, 8))))


@st.composite
def person(draw: st.DrawFn, key: str, noon: datetime) -> Said:
    given, withdrawn = _said("given", noon - 900 * DAY), _said("withdrawn", noon + draw(st.integers(-30, 60)) * HOUR)
    return {
        "key": key,
        "email": draw(st.sampled_from([f"{key}@example.com"] * 6 + [None])),
        "time_zone": draw(st.sampled_from(ZONES)),
        "country": draw(st.sampled_from(["DE", "DE", "FR", "JP"])),
        "birthday": draw(birthdays(noon)),
        "joined_on": draw(_joined(noon)),
        "attributes": {"points": draw(st.sampled_from([0, 5, 7]))},
        "consents": draw(st.sampled_from([given, given, given, [*given, *withdrawn], [*given, withdrawn[0]], []])),
    }


@st.composite
def _joined(draw: st.DrawFn, noon: datetime) -> str | None:
    near = (noon + draw(st.integers(-4, 4)) * DAY).date()
    round_ = near.replace(year=near.year - 2, day=min(near.day, 28))
    return draw(st.sampled_from([near.isoformat(), near.isoformat(), round_.isoformat(), None]))


@st.composite
def birthdays(draw: st.DrawFn, noon: datetime) -> str | None:
    near = (noon + draw(st.integers(-4, 5)) * DAY).date()
    usual = [f"--{near:%m-%d}", f"1972-{near:%m-%d}"]  # a leap year, so that it has each of them
    return draw(st.sampled_from([*usual, *usual, "1972-02-29", "--02-29", "1970-01-01", "1900-01-01", None]))


@st.composite
def _events(draw: st.DrawFn, keys: Sequence[str], noon: datetime) -> tuple[Said, ...]:
    kinds = st.sampled_from(["signed_up", "order", "order", "cart_updated", "cart_updated", "cart_updated"])
    found = []
    for n in range(draw(st.integers(len(keys), 4 * len(keys)))):
        at = noon + draw(st.integers(-50, 60)) * HOUR
        raw = {"customer": draw(st.sampled_from(keys)), "event": draw(kinds), "at": at.isoformat(), "id": str(n)}
        cart = draw(st.sampled_from(["a", "b", ""]))
        found.append({**raw, "properties": {"cart_id": cart}} if cart and raw["event"] != "signed_up" else raw)
    return tuple(found)


ENTRIES: tuple[Said, ...] = (
    {"enter": {"event": "signed_up"}},
    {"enter": {"event": "cart_updated"}},
    {"enter": {"event": "cart_updated"}, "again": "per cart_id", "limit": "1 per 9 hours"},
    {"enter": {"event": "cart_updated"}, "again": "per event", "limit": "3 per 1 days"},
    {"enter": {"event": "cart_updated"}, "again": "after 1 days"},
    {"enter": {"event": "cart_updated"}, "again": "after leaving", "limit": "9 per 1 days"},
    {"enter": {"segment": "buyers"}},
    {"enter": {"segment": "buyers"}, "again": "after leaving"},
    {"enter": {"segment": "buyers", "existing": "enrol"}, "again": "after 1 days"},
    {"kind": "occasion", "enter": {"date": "birthday", "at": "10:00"}},
    {"kind": "occasion", "enter": {"date": "birthday", "at": "02:30", "leap_day": "mar-1"}},
    {"kind": "occasion", "enter": {"date": "2 days before birthday", "leap_day": "leap-years-only"}},
    {"kind": "occasion", "enter": {"date": "1 weeks after birthday", "at": "18:15"}},
    {"kind": "occasion", "enter": {"date": "1 days after joined_on", "at": "00:00"}},
    {"kind": "occasion", "enter": {"date": "joined_on", "years": ["2", "3"]}},
    {"kind": "winback", "enter": {"lapse": "order", "after": "20 hours"}},
    {"enter": {"event": "cart_updated", "quiet_for": "5 hours"}, "again": "per cart_id", "limit": "2 per 1 days"},
    {"enter": {"event": "cart_updated", "quiet_for": "2 hours"}, "again": "after leaving", "limit": "2 per 3 days"},
    {"kind": "occasion", "enter": {"date": "birthday", "years": ["39", "54", "55", "56"]}},
    {"kind": "broadcast", "enter": {"every": "day", "at": "02:30", "zone": "customer"}},
    {"kind": "broadcast", "enter": {"every": "week", "days": ["sun", "wed"], "zone": "company"}},
    {"kind": "broadcast", "enter": {"every": "month", "days": ["1", "28", "last"], "zone": "customer"}},
    {"kind": "broadcast", "enter": {"cron": "0 */6 * * *"}},
    {"enter": {"by_hand": True}},
)
EXITS: tuple[Said, ...] = (
    {"event": "order"},
    {"event": "order", "since": "entered"},
    {"event": "order", "since": "trigger"},
    {"any": [{"event": "signed_up", "in_last": "9 hours"}, {"event": "order", "in_last": "2 hours"}]},
)
LATES: tuple[Said, ...] = tuple(
    {"late": {"within": within, "otherwise": otherwise}}
    for within, otherwise in (
        ("12 hours", "skip"), ("2 days", "skip"), ("3 hours", "skip"), ("3 hours", "send"), ("3 hours", "ask"),
        ("20 days", "send"), ("20 days", "ask"), ("40 days", "skip"), ("9 days", "skip"), ("9 days", "send"),
    )
)  # fmt: skip
SENDS: tuple[Said, ...] = (
    {"send": "hello"},
    {"send": "broken"},
    {"send": "broken", "on_error": "stop"},
    {"send": "gift", "offer": "treat"},
    {"update": {"consent": {"channel": "email", "topic": "offers", "state": "lapsed"}}},
    {"follow_up": "call", "by": "4 working hours"},
    {"follow_up": "call", "at": "1 days after joined_on", "on_error": "stop"},
    {"follow_up": "call", "at": "2 hours after last order"},
)
PAUSES: tuple[Said, ...] = (
    {"pause": {"purpose": "marketing", "for": "9 hours"}},
    {"pause": {"topic": "offers", "for": "2 days"}},
    {"pause": {"topic": "news", "for": "1 months"}},
    {"pause": {"topic": "offers", "until": {"event": "order", "since": "entered"}, "at_most": "2 days"}},
    {"pause": {"purpose": "marketing", "until": {"event": "cart_updated", "in_last": "3 hours"}, "at_most": "9 days"}},
)
HOURS = (-36, -20, -4, 0, 1, 7, 20, 31, 44, 61, 90)
WINNER = {"winner": {"by": "goal", "decide": {"after": "9 hours", "at_least": "2"}}}
A_STEP, AN_OFFER = "step ?", "offer treat expires"
WINNER = {"winner": {"by": "goal", "decide": {"after": "9 hours", "at_least": "2"}}}
IN_GERMANY = {"attribute": "country", "is": "DE"}


def _waits(noon: datetime) -> list[Any]:
    day, next_day = noon.date().isoformat(), (noon + DAY).date().isoformat()
    return [
        *({"for": span} for span in ("6 hours", "1 days", "2 weeks")),
        {"at": "09:00"},
        {"for": "5 hours", "at": "20:00", "days": ["tue", "wed", "sun"]},
        {"for": "1 days", "at": "02:30"},
        {"until": f"{next_day} 02:30"},
        {"until": f"{next_day} 08:00", "if_past": "go_on"},
        {"until": f"{day} 08:00", "if_past": "exit"},
        {"until": f"{day} 08:00"},
        {"until": next_day},
        {"until": day, "at": "02:15", "if_past": "skip"},
        {"until": "2 days after entered"},
        {"until": "1 days after trigger", "at": "01:45", "if_past": "exit"},
        {"for": "1 months"},
        {"for": "1 months", "at": "08:15"},
        {"until": "1 months after entered"},
        {"until": "6 hours after last order"},
        {"until": "1 days after first order", "at": "08:00", "if_past": "go_on"},
        {"until": "2 days after joined_on", "if_past": "exit"},
        {"until": "1 days after joined_on", "at": "08:00"},
        {"until": f"5 hours after {A_STEP}"},
        {"until": f"1 days before {AN_OFFER}", "if_past": "go_on"},
    ]  # fmt: skip


@dataclass(frozen=True)
class Words:
    """What steps of a campaign may say. `asked`: conditions of enrolments; `own`: waits that only this kind knows."""

    noon: datetime
    asked: Sequence[Said]
    own: Sequence[Any]
    has_goal: bool

    @property
    def plain(self) -> list[Said]:
        """Steps without arms; of some that say `on_error` where they can."""
        waits: list[Said] = [{"wait": one} for one in (*_waits(self.noon), *self.own, *self.own, *self.own)]
        may_fail = [{**one, "on_error": "stop"} for one in waits if "order" in one["wait"].get("until", "")]
        return [*SENDS, *SENDS, *SENDS, *SENDS, *PAUSES, *waits, *may_fail, {"exit": "enough"}]


@st.composite
def _steps(draw: st.DrawFn, words: Words, depth: int) -> list[Said]:
    found = []
    for _ in range(draw(st.integers(1, 4 if depth == 2 else 2))):
        arm = _steps(words, depth - 1) if depth else st.just([])
        forked = depth and not draw(st.integers(0, 2))
        found.append(draw(_fork(arm, words)) if forked else dict(draw(st.sampled_from(words.plain))))
    return found


@st.composite
def _fork(draw: st.DrawFn, arm: st.SearchStrategy[list[Said]], words: Words) -> Said:
    verb, condition = draw(st.sampled_from(["wait_for", "branch", "split"])), draw(st.sampled_from(words.asked))
    if verb == "wait_for":
        at_most = draw(st.sampled_from(["5 hours", "1 days", "10 days"]))
        return {"wait_for": condition, "at_most": at_most, "then": draw(arm), "otherwise": draw(arm)}
    if verb == "split":
        arms: Said = {"a": {"share": "40 %", "then": draw(arm)}, "b": {"share": "60 %", "then": draw(arm)}}
        return {"split": arms | (draw(st.sampled_from([{}, WINNER, WINNER])) if words.has_goal else {})}
    ways = [{"when": condition, "then": draw(arm)}, {"when": draw(st.sampled_from(words.asked)), "then": draw(arm)}]
    return {"branch": [*ways, {"otherwise": draw(arm)}] if draw(st.booleans()) else ways}


def _named(steps: list[Said], prefix: str = "s") -> list[Said]:
    """Every step under a name of its own."""
    for n, step in enumerate(steps):
        step["name"] = f"{prefix}{n}"
        ways = step.get("branch") or [arm for name, arm in step.get("split", {}).items() if name != "winner"] or [step]
        for m, way in enumerate(ways):
            for arm in ("then", "otherwise"):
                way.update({arm: _named(way[arm], f"{prefix}{n}{'abc'[m]}{arm[0]}")} if way.get(arm) else {})
    return steps


def _speaking(steps: list[Said]) -> list[str]:
    """The names of those that say something, in arms too."""
    found = re.findall(r'"(?:send|follow_up)": [^{}]*?"name": "(\w+)"', json.dumps(steps))
    return [str(name) for name in found]


@st.composite
def _said_of_steps(draw: st.DrawFn, steps: list[Said]) -> list[Said]:
    """Moments are counted from a step that there is."""
    name = draw(st.sampled_from([f"step {one}" for one in _speaking(steps)] or ["entered"]))
    return list(json.loads(json.dumps(steps).replace(A_STEP, name)))


@st.composite
def campaigns(draw: st.DrawFn, noon: datetime, entries: Sequence[Said] = ENTRIES) -> Said:
    entry = draw(st.sampled_from(entries))
    enter = entry["enter"]
    asked: list[Said] = [IN_GERMANY, {"not": IN_GERMANY}, *EXITS]
    if enter.get("event") == "cart_updated":
        asked += [{"event": "order", "same": "cart_id", "since": "trigger"}] * 3
    own = [{"until": f"{n} days after birthday"} for n in (1, 9)] if "birthday" in enter.get("date", "") else []
    keys = {"kind": "nurture", "topic": draw(st.sampled_from(["offers", "offers", "news"])), "offers": OFFERS, **entry}
    keys |= draw(st.sampled_from(LATES))
    keys |= draw(st.sampled_from([{}, {"goal": {"event": "order", "within": "1 days"}}, {"hold_out": "40 %"}]))
    keys |= draw(st.sampled_from([{}, {}, {}, {"runs": {"from": f"{noon:%Y-%m-%d} 02:30"}}, {"runs": _runs(noon)}]))
    keys |= draw(
        st.sampled_from([{}, {}, {"audience": IN_GERMANY}, {"audience": EXITS[3]}, {"audience": {"not": EXITS[3]}}])
    )
    keys |= draw(st.sampled_from([{}, {}, *({"exit_when": condition} for condition in asked[2:])]))
    keys |= {"status": "live", "when_ended": draw(st.sampled_from(["finish", "exit"]))}
    keys |= {"changes": draw(st.sampled_from(["pin", "follow", "follow"]))}
    steps = draw(_said_of_steps(_named(draw(_steps(Words(noon, asked, own, "goal" in keys), 2)))))
    return draw(st.sampled_from([{**keys, "steps": steps}] * 4 + [_service({**keys, "steps": steps})]))


def _runs(noon: datetime) -> Said:
    return {"from": f"{noon - DAY:%Y-%m-%d} 12:00", "until": f"{noon + DAY:%Y-%m-%d} 03:00"}


def _service(said: Said) -> Said:
    """The same for what a customer is owed: it promotes nothing."""
    written = json.dumps(said["steps"]).replace('"send": "gift", "offer": "treat"', '"send": "hello"')
    steps = json.loads(written.replace(AN_OFFER, "entered"))
    kept = {name: value for name, value in said.items() if name not in ("topic", "offers", "hold_out")}
    return {**kept, "purpose": "service", "basis": "the contract", "steps": steps}


@st.composite
def _changes(draw: st.DrawFn, keys: Sequence[str], files: Mapping[str, Said], noon: datetime) -> tuple[Change, ...]:
    """A few, in the order of time."""
    found, names = [], sorted(files)
    for _ in range(draw(st.integers(0, 4))):
        at, key = noon + draw(st.integers(-20, 60)) * HOUR, draw(st.sampled_from(keys))
        what = draw(st.sampled_from(["zone", "birthday", "joined_on", "country", "status", "file", "file", "request"]))
        if what == "request":
            by_hand = draw(st.sampled_from(names))
            found += [
                Change(at, one, campaign=by_hand, request=draw(st.sampled_from("xy"))) for one in sorted({key, keys[0]})
            ]
        elif what == "file":
            name = draw(st.sampled_from(names))
            found.append(Change(at, campaign=name, said=draw(changed(noon, files[name]))))
        elif what == "status":
            name, status = draw(st.sampled_from(names)), draw(st.sampled_from(["paused", "live", "ended"]))
            found.append(Change(at, campaign=name, status=status))
        else:
            found.append(Change(at, key, draw(corrections(noon)[what])))
    return tuple(sorted(found, key=lambda one: one.at))


def corrections(noon: datetime) -> Mapping[str, st.SearchStrategy[Said]]:
    """What of a record may be found to be otherwise."""
    return {
        "zone": st.fixed_dictionaries({"time_zone": st.sampled_from(ZONES)}),
        "birthday": st.fixed_dictionaries({"birthday": birthdays(noon)}),
        "joined_on": st.fixed_dictionaries({"joined_on": _joined(noon)}),
        "country": st.fixed_dictionaries({"country": st.sampled_from(["DE", "FR"])}),
    }


def changed(noon: datetime, said: Said) -> st.SearchStrategy[Said]:
    """The file says something else, but for who enters."""
    entry: dict[str, Any] = {key: said[key] for key in ("kind", "enter", "again", "limit") if key in said}
    return campaigns(noon, [entry])


@st.composite
def journeys(draw: st.DrawFn) -> Journeys:
    noon = draw(st.sampled_from(NOONS)).astimezone(UTC)
    people = draw(_people(noon))
    keys = [raw["key"] for raw in people]
    names = "abcdef"[: draw(st.integers(2, 6))]
    hours = draw(st.lists(st.sampled_from(HOURS), min_size=2, max_size=4, unique=True))
    later = draw(st.sampled_from([(), (9 * DAY,), (9 * DAY, 33 * DAY), (33 * DAY,)]))
    suppressed = {key: noon + n * HOUR for key, n in draw(_suppressed(keys)).items()}
    files = {name: draw(campaigns(noon)) for name in names}
    return Journeys(
        noon - 2 * DAY,
        people,
        draw(_events(keys, noon)),
        suppressed,
        files,
        draw(_changes(keys, files, noon)),
        draw(st.sampled_from(["0 %", "0 %", "20 %"])),
        (*(noon + n * HOUR for n in sorted(hours)), *(noon + one for one in later)),
    )


def _suppressed(keys: Sequence[str]) -> st.SearchStrategy[dict[str, int]]:
    return st.dictionaries(st.sampled_from(keys), st.integers(-100, 60), max_size=2)
