"""Small random worlds: a handful of customers and what they did, and campaigns of every kind on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from crm_store.intake.customers import Customers
from crm_store.intake.events import Events
from crm_store.intake.records import read_customer, read_event
from tests.journeys.files import journey
from tests.world import AGREED, NOON, VOCABULARY, WITHDRAWN, Shop

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BEGIN = NOON - 2 * DAY
SEGMENT = "{event: order, in_last: 1 days}"
LATER_WITHDRAWN = [
    *AGREED,
    {"channel": "email", "topic": "offers", "state": "withdrawn", "at": (NOON + 12 * HOUR).isoformat()},
]
OFFERS = "{treat: {discount: 15 %, code: unique, valid: 3 days}}"


@dataclass(frozen=True)
class World:
    """Customers, events, campaign files by name, and the instants at which the shop's clock ticks."""

    customers: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...]
    campaigns: dict[str, str]
    instants: tuple[datetime, ...]
    changed: dict[str, str] = field(default_factory=dict)  # files that are published at the second of the instants

    def change(self, shop: Shop, now: datetime) -> None:
        """What is published at that instant."""
        if now == self.instants[min(1, len(self.instants) - 1)]:
            for name, text in self.changed.items():
                shop.campaign(name, text)
            shop.publish(now)

    def fill(self, shop: Shop) -> None:
        """Everything there is, the future included, and the campaigns published before it."""
        words = VOCABULARY.replace("news: {title: News}", "news: {title: News}, spare: {title: Nobody's}")
        shop.write({"config/vocabulary.yaml": words + "follow_ups: {call: {title: Call}}\n"})
        shop.segment("buyers", SEGMENT)
        shop.segment("gold", "{attribute: tier, is: gold}")
        for name, text in self.campaigns.items():
            shop.campaign(name, text)
        shop.publish(BEGIN)
        people = [read_customer(raw, shop.rules) for raw in self.customers]
        shop.store.write(Customers().write, people, "test", BEGIN)
        events = [read_event(raw, shop.rules) for raw in self.events]
        shop.store.write(Events().write, events, "test", BEGIN)


_hours = st.integers(-40, 60).map(lambda n: NOON + n * HOUR)
_TICKS = tuple(NOON + n * HOUR for n in (-36, -20, -4, 0, 7, 20, 31, 44, 61, 90))
_zones = st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "America/Los_Angeles", "Pacific/Auckland", "nowhere"])


@st.composite
def _customers(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    found = []
    for n in range(draw(st.integers(2, 5))):
        raw = {
            "key": f"c{n}",
            "time_zone": draw(_zones),
            "country": draw(st.sampled_from(["DE", "FR"])),
            "birthday": f"--06-{draw(st.integers(14, 19))}",
            "joined_on": draw(st.sampled_from(["2026-06-14", "2026-06-16", None])),
            "consents": draw(st.sampled_from([AGREED, AGREED, WITHDRAWN, LATER_WITHDRAWN])),
        }
        found.append({**raw, "email": f"c{n}@example.com"} if draw(st.integers(0, 5)) else raw)
    return tuple(found)


@st.composite
def _events(draw: st.DrawFn, keys: list[str]) -> tuple[dict[str, Any], ...]:
    kinds = st.sampled_from(["signed_up", "order", "order", "cart_updated", "cart_updated"])
    found = []
    for n in range(draw(st.integers(8, 20))):
        raw = {"customer": draw(st.sampled_from(keys)), "event": draw(kinds), "at": draw(_hours).isoformat(), "id": str(n)}
        cart = {"properties": {"cart_id": draw(st.sampled_from(["a", "b"]))}} if raw["event"] == "cart_updated" else {}
        worth = {"amount": str(n)} if raw["event"] == "order" else {}
        found.append({**raw, **cart, **worth})
    return tuple(found)


_ENTRIES = (
    {"enter": "{event: signed_up}"},
    {"enter": "{event: cart_updated}", "again": "per cart_id"},
    {"enter": "{event: cart_updated}", "again": "per event"},
    {"enter": "{event: cart_updated}", "again": "after 1 days"},
    {"enter": "{event: cart_updated}", "again": "after leaving"},
    {"enter": "{segment: buyers}", "again": "after leaving"},
    {"enter": "{segment: buyers, existing: enrol}"},
    {"enter": "{segment: gold}"},
    {"kind": "occasion", "enter": "{date: birthday, at: '10:00'}"},
    {"kind": "occasion", "enter": "{date: 1 days before birthday, at: '18:30'}"},
    {"kind": "winback", "enter": "{lapse: order, after: 20 hours}"},
    {"kind": "winback", "enter": "{lapse: order, after: 20 hours}", "limit": "1 per 30 hours"},
    {"kind": "occasion", "enter": "{date: last order, at: '20:00'}"},
    {"kind": "broadcast", "enter": "{every: day, at: '09:30', zone: customer}"},
    {"kind": "broadcast", "enter": "{cron: '0 6,18 * * *'}"},
    {"enter": "{event: cart_updated, quiet_for: 6 hours}", "again": "per cart_id", "limit": "1 per 20 hours"},
)
_SOMETIMES: tuple[dict[str, str | None], ...] = (
    {"exit_when": "{event: order}"},
    {"exit_when": "{event: order, since: entered}"},
    {"exit_when": "{attribute: tier, is: gold}"},
    {"audience": "{not: {attribute: tier, is: gold}}"},
    {"audience": "{attribute: country, is: DE}"},
    {"late": "{within: 3 hours}"},
    {"late": "{within: 3 hours, otherwise: send}"},
    {"late": "{within: 3 hours, otherwise: ask}"},
    {"status": "paused"},
    {"topic": "news"},
    {"runs": "{from: 2026-06-15 08:00, until: 2026-06-16}"},
    {"goal": "{event: order, within: 20 hours, value: amount}"},
    {"hold_out": "40 %"},
    {"purpose": "service", "basis": "contract", "topic": None, "offers": None},
)
_WAITS = (
    "6 hours",
    "1 days",
    "{at: '09:00'}",
    "{for: 5 hours, at: '20:00', days: [tue, wed]}",
    "{until: 2026-06-16 08:00}",
    "{until: 2026-06-16 08:00, if_past: go_on}",
    "{until: 2026-06-16 08:00, if_past: exit}",
    "{for: 1 month}",
    "{until: 5 hours after last order}",
    "{until: 1 day after joined_on, at: '08:00', if_past: go_on}",
)
_OTHERS = (
    "update: {attributes: {tier: gold}}",
    "update: {stage: lapsed}",
    "pause: {topic: spare, for: 5 hours}",
    "pause: {topic: spare, until: {event: order, since: entered}, at_most: 1 days}",
    "follow_up: call, by: 4 working hours",
    "follow_up: call, at: 1 day after joined_on",
)
_WATCHES = (
    "{event: order}, at_most: 9 hours",
    "{event: order, since: entered}, at_most: 30 hours, then: [{exit: ordered}]",
    "{event: order, in_last: 5 hours}, at_most: 30 hours, otherwise: [{exit: silent}]",
)


@st.composite
def _steps(draw: st.DrawFn) -> str:
    sends = ["send: hello", "send: hello, on_error: stop", "send: gift, offer: treat"]
    watches = (f"wait_for: {text}" for text in _WATCHES)
    kinds = [*sends, *(f"wait: {text}" for text in _WAITS), *watches, *_OTHERS]
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4))
    chosen = chosen if any(step.startswith("send") for step in chosen) else [sends[0], *chosen[1:]]
    return "[" + ", ".join(f"{{{step}, name: s{n}}}" for n, step in enumerate(chosen)) + "]"


@st.composite
def _changed_steps(draw: st.DrawFn) -> str:
    """Steps of the same names in another order, some under a new one."""
    named = draw(_steps()).removeprefix("[{").removesuffix("}]").split("}, {")
    new = [
        step.replace("name: s", "was: s") + f", name: t{n}" if draw(st.booleans()) else step for n, step in enumerate(named)
    ]
    return "[{" + "}, {".join(draw(st.permutations(new))) + "}]"


@st.composite
def _campaign(draw: st.DrawFn) -> tuple[str, str]:
    """A file, and what becomes of it."""
    keys: dict[str, str | None] = {"offers": OFFERS, "late": "{within: 2 days}", **draw(st.sampled_from(_ENTRIES))}
    for more in draw(st.lists(st.sampled_from(_SOMETIMES), max_size=2)):
        keys |= more
    changes = draw(st.sampled_from(["follow", "follow", "pin"]))
    return _file(keys, draw(_steps())), _file({**keys, "changes": changes}, draw(_changed_steps()))


def _file(keys: dict[str, str | None], steps: str) -> str:
    if "purpose" in keys:  # nothing that a service campaign refuses
        keys, steps = {**keys, "hold_out": None, "topic": None}, steps.replace("send: gift, offer: treat", "send: again")
    return journey(**keys, steps=steps)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    people = draw(_customers())
    events = draw(_events([raw["key"] for raw in people]))
    names = ["a", "b", "c"][: draw(st.integers(2, 3))]
    instants = sorted({draw(st.sampled_from(_TICKS)) for _ in range(3)})
    files = {name: draw(_campaign()) for name in names}
    changed = {name: new for name, (_, new) in files.items() if draw(st.booleans())}
    return World(people, events, {name: old for name, (old, _) in files.items()}, tuple(instants), changed)
