"""The same shop for the engine and for the simulator, and what each says has come of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select

from crm_store.consent.record import SuppressionFact, suppress
from crm_store.intake.customers import Customers
from crm_store.intake.events import Events
from crm_store.intake.records import read_customer, read_event
from crm_store.journeys.requests import Asked, enrol
from crm_store.ledger.log import Order
from crm_store.schema import customer, enrolment, event, follow_up, pause, split_decision, touch
from tests.copies import copy_of, shop_on
from tests.journeys.random_journeys import SEGMENTS, Journeys
from tests.journeys.simulator import Simulator
from tests.journeys.simulator_facts import Campaign, Happening, Person
from tests.world import SETTINGS, VOCABULARY, Shop

BROKEN = {
    "subject.j2": "x",
    "body.html.j2": "{{ 100 / customer.points if customer.points is not none }} {{ links.unsubscribe }}\n",
}


def simulated(given: Journeys) -> Simulator:
    """A simulator of that shop, before the first tick."""
    people = []
    for raw in given.people:
        own = [Happening.of(one) for one in given.events if one["customer"] == raw["key"]]
        people.append(Person(raw, own, given.suppressed.get(raw["key"])))
    campaigns = {name: Campaign(name, said, "live", given.begin) for name, said in given.campaigns.items()}
    used = {said["enter"].get("segment") for said in given.campaigns.values()}
    return Simulator(people, campaigns, {name: who for name, who in SEGMENTS.items() if name in used}, given.hold_out)


def filled(shop: Shop, given: Journeys) -> None:
    """Everything there is, the future included, and the campaigns published before it."""
    shop.write({f"templates/broken/{part}": text for part, text in BROKEN.items()})
    restraint = "".join(f"{name}: {json.dumps(said)}\n" for name, said in given.restraint.items())
    shop.write({"config/rapport.yaml": f"{SETTINGS}hold_out: {given.hold_out}\n{restraint}"})
    shop.write({"config/vocabulary.yaml": f"{VOCABULARY}follow_ups: {{call: {{title: Call}}}}\n"})
    for name, who in SEGMENTS.items():
        shop.segment(name, json.dumps(who))
    for name, said in given.campaigns.items():
        shop.campaign(name, json.dumps(said))
    shop.publish(given.begin)
    people = [read_customer(_known(raw), shop.rules) for raw in given.people]
    shop.store.write(Customers().write, people, "test", given.begin)
    events = [read_event(raw, shop.rules) for raw in given.events]
    shop.store.write(Events().write, events, "test", given.begin)
    for key, at in given.suppressed.items():
        suppressed(shop, key, at)


def suppressed(shop: Shop, key: str, at: datetime) -> None:
    """Her address bounced."""
    shop.store.write(suppress, [SuppressionFact("email", f"{key}@example.com", "hard_bounce", "test", at)])


def _known(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if value is not None}


def change(shop: Shop, simulator: Simulator, key: str, fields: Mapping[str, Any], now: datetime) -> None:
    """Her record says something else."""
    simulator.change(key, fields)
    shop.store.write(Customers().write, [read_customer({"key": key, **fields}, shop.rules)], "test", now)


def publish(shop: Shop, simulator: Simulator, name: str, said: Mapping[str, Any], now: datetime) -> None:
    simulator.publish(name, said, now)
    shop.campaign(name, json.dumps(said))
    shop.publish(now)


def request(shop: Shop, simulator: Simulator, campaign: str, key: str, who: str, now: datetime) -> None:
    """By hand, where that is how one enters."""
    said = simulator.campaigns[campaign]
    if "by_hand" in said.said["enter"] and said.status != "ended":
        simulator.request(campaign, key, who, now)
        enrol(shop.store, campaign, Asked(key, Order("test"), "customer", who), {}, ZoneInfo("Europe/Berlin"), now)


Says = dict[str, list[tuple[Any, ...]]]


def simulator_says(simulator: Simulator) -> Says:
    enrolments, touches, tasks, pauses = [], [], [], []
    for one in simulator.enrolments:
        who = one.campaign.name, one.person.key, one.occasion
        reached = one.goal.at if one.goal else None
        enrolments.append((*who, one.entered_at, one.state, one.reason, one.step, one.held_out, reached))
        for said in one.touches.values():
            touches.append((*who, said.step, said.state, said.reason, said.right_at, said.due_at))
            tasks += [(*who, said.step, said.task_due)] if said.is_task and said.state == "sent" else []
        pauses += [(*who, said.step, said.topic, said.since, said.until, said.lifted_at) for said in one.pauses]
    decisions = [(*key, one.at, one.winner, sorted(one.figures.items())) for key, one in simulator.decisions.items()]
    return _sorted(enrolments=enrolments, touches=touches, tasks=tasks, pauses=pauses, decisions=decisions)


def _sorted(**said: list[tuple[Any, ...]]) -> Says:
    return {name: sorted(rows, key=str) for name, rows in said.items()}


def engine_says(shop: Shop, campaigns: Mapping[str, Any]) -> Says:
    who = enrolment.c.id, enrolment.c.campaign, customer.c.key, enrolment.c.occasion
    place = [enrolment.c[name] for name in ("entered_at", "state", "reason", "step", "held_out_at", "goal_at")]
    with shop.store.read() as conn:
        numbers = {str(row.id): row.dedupe_key for row in conn.execute(select(event.c.id, event.c.dedupe_key))}
        rows = conn.execute(select(*who, *place, enrolment.c.trigger_event_id).join(customer)).all()
        whose = {row.id: (row.campaign, row.key, _occasion(row, campaigns[row.campaign], numbers)) for row in rows}
        about = {
            name: [(*whose[row[0]], *row[1:]) for row in conn.execute(chosen)] for name, chosen in _of_enrolments().items()
        }
        decided = conn.execute(select(split_decision)).all()
    enrolments = [(*whose[row.id], *row[4:8], row.held_out_at is not None, row.goal_at) for row in rows]
    decisions = [(row.campaign, row.step, row.decided_at, row.winner, _figures(row.figures)) for row in decided]
    return _sorted(enrolments=enrolments, decisions=decisions, **about)


def _of_enrolments() -> dict[str, Select[Any]]:
    said = [touch.c[name] for name in ("enrolment_id", "step", "state", "reason", "right_at", "due_at")]
    paused = [pause.c[name] for name in ("enrolment_id", "step", "topic", "since", "until", "lifted_at")]
    tasks = select(follow_up.c.enrolment_id, touch.c.step, follow_up.c.due_at)
    return {
        "touches": select(*said),
        "tasks": tasks.join(touch, touch.c.id == follow_up.c.touch_id),
        "pauses": select(*paused),
    }


def _figures(said: Mapping[str, Mapping[str, int]]) -> list[tuple[str, tuple[int, int]]]:
    return sorted((arm, (one["taken"], one["reached"])) for arm, one in said.items())


def _occasion(row: Any, said: Mapping[str, Any], numbers: Mapping[str, str]) -> str:
    """Keys that are events are told by the numbers the events came with."""
    is_event = said.get("again") == "per event" or "lapse" in said["enter"]
    return "#" + numbers[row.occasion].removeprefix("id:") if is_event else str(row.occasion)


@contextmanager
def new_shop(url: str, root: Path) -> Iterator[Shop]:
    shutil.rmtree(root, ignore_errors=True)
    with copy_of(url) as copy, shop_on(copy, root) as shop:
        yield Shop.open(root, shop.store)
