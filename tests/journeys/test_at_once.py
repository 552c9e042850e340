"""What an event enters takes its first steps within the intake's transaction: a complaint pauses marketing at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select

from crm_store.intake.events import Events
from crm_store.intake.importing import Line, import_lines
from crm_store.intake.readers import Rejects
from crm_store.intake.records import read_event
from crm_store.journeys.steps import pause as pause_step
from crm_store.schema import campaign, consent_state, customer, enrolment, event, pause
from tests.journeys.files import journey, outcomes, sent, standings, start
from tests.world import NOON, VOCABULARY, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PAUSE = "{pause: {purpose: marketing, for: 2 days}}"
OTHER = {"enter": "{event: order}", "steps": "[{send: again}]", "again": "per event"}


def take_in(shop: Shop, *said: tuple[str, str, datetime]) -> None:
    """Import events - customer, kind, instant - at noon, as `rapport import events` does."""
    take_lines(shop, (line(shop, *one) for one in said))


def take_lines(shop: Shop, lines: Iterable[Line]) -> None:
    with Rejects(shop.root / "rejects.jsonl") as rejects:
        import_lines(shop.store, Events(), lines, rejects, "shop", now=NOON)


def line(shop: Shop, key: str, kind: str, at: datetime) -> Line:
    return Line(1, read_event({"customer": key, "event": kind, "at": at.isoformat()}, shop.rules), dict)


def pauses(shop: Shop) -> list[Any]:
    return shop._rows(select(customer.c.key, pause.c.since).join(customer, customer.c.id == pause.c.customer_id))


def plans(shop: Shop) -> list[Any]:
    """How often somebody had a turn in the campaign."""
    return shop._rows(select(campaign.c.plans).where(campaign.c.name == "c"))


@pytest.fixture
def complaint(shop: Shop) -> Shop:
    """Signing up pauses marketing, then sends a mail; orders bring another campaign's. Alice has ordered."""
    start(shop, steps=f"[{PAUSE}, {{send: hello}}]")
    shop.campaign("other", journey(**OTHER))
    shop.publish()
    shop.customer("alice")
    shop.event("alice", "order", NOON)
    shop.plan()
    return shop


def test_who_complains_is_claimed_no_more_from_the_intakes_commit_on(complaint: Shop) -> None:
    take_in(complaint, ("alice", "signed_up", NOON))
    complaint.deliver()
    assert outcomes(complaint) == [("alice", "again", "due", "paused")]
    assert standings(complaint)[0] == ("alice", "in", None, "hello")


def test_the_next_tick_finds_her_in_it_and_goes_on(complaint: Shop) -> None:
    take_in(complaint, ("alice", "signed_up", NOON))
    take_in(complaint, ("alice", "signed_up", NOON))
    complaint.tick(NOON + HOUR)
    assert pauses(complaint) == [("alice", NOON)]
    complaint.tick(NOON + 2 * DAY)
    assert sent(complaint) == [("alice", "hello"), ("alice", "again")]


def test_an_intake_that_fails_amid_it_has_written_nothing(complaint: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pause_step, "begin_pauses", fail)
    with pytest.raises(KeyboardInterrupt):
        take_in(complaint, ("alice", "signed_up", NOON))
    assert complaint._rows(select(event.c.kind)) == [("order",)]
    assert [row[0] for row in complaint.enrolments()] == ["other"]
    monkeypatch.undo()
    take_in(complaint, ("alice", "signed_up", NOON))
    assert pauses(complaint) == [("alice", NOON)]


NOBODYS = (
    {"status": "draft"},
    {"status": "ended"},
    {"runs": "{from: 2026-06-16}"},
    {"enter": "{event: signed_up, quiet_for: 1 hour}"},
    {"enter": "{event: order}"},
    {"steps": f"[{{send: hello}}, {PAUSE}]"},
    {"steps": f"[{{wait: 1 hour}}, {PAUSE}]"},
    {"audience": "{attribute: country, is: FR}"},
)


def test_only_what_a_tick_would_do_now_is_done(shop: Shop) -> None:
    for number, keys in enumerate(({}, *NOBODYS)):
        shop.campaign(f"c{number}", journey(**{"steps": f"[{PAUSE}]", **keys}))
    shop.publish()
    for key in ("alice", "bea", "carl"):
        shop.customer(key, country="DE")
    at = {"alice": NOON, "bea": NOON - 13 * HOUR, "carl": NOON + HOUR}
    take_in(shop, *((key, "signed_up", instant) for key, instant in at.items()))
    assert [row[:2] for row in shop.enrolments()] == [("c0", "alice")]
    assert pauses(shop) == [("alice", NOON)]


def test_an_import_of_last_year_waits_for_no_planner(shop: Shop) -> None:
    start(shop, steps=f"[{PAUSE}]")
    shop.customer("alice")
    take_in(shop, ("alice", "signed_up", NOON - 400 * DAY))
    assert plans(shop) == [(0,)]
    take_in(shop, ("alice", "signed_up", NOON))
    assert plans(shop) == [(1,)]


def test_a_campaign_that_is_ended_while_the_import_runs_takes_nobody_in(shop: Shop) -> None:
    start(shop, steps=f"[{PAUSE}]")
    shop.customer("alice")

    def lines() -> Iterator[Line]:
        yield line(shop, "alice", "signed_up", NOON)
        start(shop, steps=f"[{PAUSE}]", status="ended")

    take_lines(shop, lines())
    assert (shop.enrolments(), pauses(shop)) == ([], [])


def test_who_is_held_out_is_not_paused_by_it(shop: Shop) -> None:
    start(shop, steps=f"[{PAUSE}]", hold_out="99.9 %")
    shop.customer("alice")
    take_in(shop, ("alice", "signed_up", NOON))
    assert [row[3] for row in shop.enrolments()] == ["finished"]
    assert pauses(shop) == []


WITHDRAW = "update: {attributes: {tier: gold}, consent: {channel: email, topic: news, state: withdrawn}}"
FRENCH = "when: {attribute: country, is: FR}"
KEYS = (
    {"steps": f"[{PAUSE}, {{send: hello}}]"},
    {"steps": f"[{{{WITHDRAW}}}, {{wait: 1 day}}]"},
    {"steps": f"[{{branch: [{{{FRENCH}, then: [{{exit: French}}]}}, {{otherwise: [{{update: {{stage: lapsed}}}}]}}]}}]"},
    {"steps": f"[{{branch: [{{{FRENCH}, then: [{{send: again}}]}}, {{otherwise: [{PAUSE}]}}]}}, {{follow_up: call}}]"},
    {"steps": f"[{PAUSE}]", "exit_when": "{attribute: country, is: FR}"},
    {"steps": f"[{PAUSE}]", "again": "after leaving", "limit": "2 per 1 day"},
)


def test_it_is_what_a_tick_would_have_written(shop: Shop) -> None:
    shop.write({"config/vocabulary.yaml": VOCABULARY + "follow_ups: {call: {title: Call}}\n"})
    for number, keys in enumerate(KEYS):
        shop.campaign(f"c{number}", journey(enter="{event: order}", **keys))
    shop.publish()
    told = [(country, NOON - hours * HOUR) for country in ("DE", "FR") for hours in (3, 2, 1)]
    for key, country in product(("early-", "late-"), ("DE", "FR")):
        shop.customer(key + country, country=country)
    take_in(shop, *((f"early-{country}", "order", at) for country, at in told))
    early = _of(shop, "early-")
    for country, at in told:
        shop.event(f"late-{country}", "order", at)
    shop.plan()
    assert [len(rows) for rows in early] == [14, 8, 4]
    assert early == _of(shop, "late-")


def _of(shop: Shop, prefix: str) -> list[list[Any]]:
    """What is written about these customers: enrolments, pauses, what updates change."""
    known = select(customer.c.key, customer.c.stage, customer.c.attributes, consent_state.c.topic, consent_state.c.state)
    known = known.join(consent_state, consent_state.c.customer_id == customer.c.id)
    columns = (
        enrolment.c[name] for name in ("occasion", "state", "reason", "step", "entered_at", "finished_at", "left_at")
    )
    entered = select(customer.c.key, *columns).join(customer, customer.c.id == enrolment.c.customer_id)
    paused = select(customer.c.key, pause.c.since).join(customer, customer.c.id == pause.c.customer_id)
    rows = (shop._rows(chosen.where(customer.c.key.startswith(prefix))) for chosen in (entered, paused, known))
    return [sorted(((key.removeprefix(prefix), *more) for key, *more in part), key=repr) for part in rows]
