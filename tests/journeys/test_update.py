"""`update`: attributes, the stage and consents change at the instant of the customer's turn, once, with their history."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import Connection, select, update

from crm_store.schema import consent, consent_state, customer, customer_change, customer_changed, enrolment
from crm_store.segmentation import passing
from tests.journeys.files import journey, said_of, sent, standings, start
from tests.world import AGREED, NOON, WITHDRAWN, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATIENT = "{within: 60 days}"


def run(shop: Shop, steps: str, *keys: str, **fields: Any) -> None:
    start(shop, steps=steps, late=PATIENT)
    for key in keys or ("alice",):
        shop.customer(key, **fields)
        shop.event(key, "signed_up", NOON - HOUR)
    shop.tick()


def known(shop: Shop, key: str = "alice") -> Any:
    with shop.store.read() as conn:
        return conn.execute(select(customer).where(customer.c.key == key)).one()


def history(shop: Shop) -> list[tuple[str, Any, Any, datetime, str]]:
    with shop.store.read() as conn:
        columns = (customer_change.c[name] for name in ("name", "old", "new", "at", "source"))
        return [tuple(row) for row in conn.execute(select(*columns).order_by(customer_change.c.name))]


def consents(shop: Shop) -> list[tuple[str, datetime, str]]:
    with shop.store.read() as conn:
        columns = consent.c.state, consent.c.at, consent.c.source
        chosen = select(*columns).where(consent.c.topic == "offers").order_by(consent.c.at, consent.c.state)
        return [tuple(row) for row in conn.execute(chosen)]


ALL = """[
  {wait: 30 minutes},
  {update: {stage: retained, attributes: {
    tier: gold, points: 12.5, vip: yes, since: 2026-02-28, address.street: 1 Road, interest: Coffee/Beans}}},
  {send: hello}]"""


def test_values_are_written_as_the_vocabulary_types_them_and_others_stay(shop: Shop) -> None:
    run(shop, ALL, attributes={"tier": "silver", "address": {"city": "Bonn"}})
    row = known(shop)
    assert row.stage == "retained"
    assert row.attributes == {
        "tier": "gold",
        "points": 12.5,
        "vip": True,
        "since": "2026-02-28",
        "address": {"street": "1 Road", "city": "Bonn"},
        "interest": "Coffee/Beans",
    }
    assert sent(shop) == [("alice", "hello")]


def test_history_says_what_it_was_when_it_changed_and_by_whom(shop: Shop) -> None:
    run(shop, ALL, attributes={"tier": "silver", "points": 12.5})
    then = NOON - HOUR / 2
    assert history(shop)[-2:] == [
        ("attributes.vip", None, True, then, "campaign c"),
        ("stage", None, "retained", then, "campaign c"),
    ]
    assert ("attributes.tier", "silver", "gold", then, "campaign c") in history(shop)
    assert "attributes.points" not in [row[0] for row in history(shop)]


def test_what_is_written_is_seen_by_segments_and_other_campaigns_as_of_the_same_instant(shop: Shop) -> None:
    start(shop, steps="[{wait: 1 hour}, {update: {attributes: {tier: gold}}}]", late=PATIENT)
    shop.segment("golden", "{attribute: tier, is: gold}")
    shop.campaign("g", journey(enter="{segment: golden}", steps="[{send: again}]"))
    exits, waits = "{attribute: tier, is: gold}", "[{wait: 1 hour}, {send: hello}]"
    shop.campaign("x", journey(exit_when=exits, steps=waits))
    shop.publish()
    for key in ("alice", "bea"):
        shop.customer(key)
    shop.event("alice", "signed_up", NOON)
    shop.tick()
    with patch.object(passing, "SHARE", 0.01):  # in a small shop a few would be so many that everybody is looked at
        shop.tick(NOON + HOUR)
    with shop.store.read() as conn:
        assert not conn.execute(select(customer_changed.c.customer_id)).all()
    assert [row for row in shop.touches() if row[0] != "c"] == [("g", "alice", "again", "sent", None)]
    assert [row[:6] for row in shop.enrolments() if row[0] == "x"] == [
        ("x", "alice", "once", "left", "exit", "wait before hello")
    ]


def test_who_leaves_for_what_is_written_is_not_written_to_any_more(shop: Shop) -> None:
    """Not even by what follows at once: a planning that is killed in between comes to the same."""
    steps = "[{wait: 30 minutes}, {update: {attributes: {tier: gold}}}, {send: hello}]"
    start(
        shop, enter="{event: order}", steps=steps, exit_when="{attribute: tier, is: gold}", again="per event", late=PATIENT
    )
    shop.customer("alice")
    for at in (NOON - HOUR, NOON - HOUR / 4):
        shop.event("alice", "order", at)
    shop.tick()
    assert not shop.touches()
    assert [row[3:6] for row in shop.enrolments()] == [
        ("left", "exit", "hello"),
        ("left", "exit", "wait before hello"),
    ]


def test_a_second_planning_writes_nothing_again(shop: Shop) -> None:
    run(shop, "[{update: {attributes: {tier: gold}}}, {wait: 1 day}, {send: hello}]")
    shop.customer("alice", attributes={"tier": "bronze"})
    shop.tick()
    shop.tick(NOON + DAY)
    assert known(shop).attributes == {"tier": "bronze"}


SUNSET = (
    "[{send: hello}, {wait: 7 days}, {update: {consent: {channel: email, topic: offers, state: lapsed}}}, {send: again}]"
)


def test_a_sunset_lets_the_consent_lapse_at_its_right_instant(shop: Shop) -> None:
    run(shop, SUNSET)
    shop.tick(NOON + 8 * DAY)
    assert consents(shop)[-1] == ("lapsed", NOON - HOUR + 7 * DAY, "campaign c")
    assert [row[3:] for row in shop.touches()] == [("sent", None), ("skipped", "no_consent")]
    with shop.store.read() as conn:
        stands = select(consent_state.c.state).where(consent_state.c.topic == "offers")
        assert conn.execute(stands).scalars().all() == ["lapsed"]


def test_who_agreed_again_after_the_right_instant_stays_subscribed(shop: Shop) -> None:
    again = {"channel": "email", "topic": "offers", "state": "given", "at": (NOON + 7 * DAY).isoformat()}
    run(shop, SUNSET, consents=[*AGREED, again])
    shop.tick(NOON + 8 * DAY)
    assert [row[3:] for row in shop.touches()] == [("sent", None), ("sent", None)]


@pytest.mark.parametrize("topic", ["offers", "news"])
def test_the_topic_that_is_named_lapses_and_no_other(shop: Shop, topic: str) -> None:
    run(shop, f"[{{update: {{consent: {{channel: email, topic: {topic}, state: lapsed}}}}}}]")
    with shop.store.read() as conn:
        lapsed = conn.execute(select(consent_state.c.topic).where(consent_state.c.state == "lapsed")).scalars()
        assert list(lapsed) == [topic]


GIVEN = "[{update: {consent: {channel: email, topic: offers, state: given}}%s}, {send: hello}]"


@pytest.mark.parametrize(
    ("on_error", "then"),
    [("", ("finished", None, None)), (", on_error: stop", ("left", "failed", "update before hello"))],
)
def test_consent_that_was_withdrawn_is_not_given_back(shop: Shop, on_error: str, then: tuple[str | None, ...]) -> None:
    run(shop, GIVEN % on_error, consents=WITHDRAWN)
    assert [state for state, *_ in consents(shop)] == ["given", "withdrawn"]
    assert standings(shop) == [("alice", *then)]
    assert sent(shop) == []


def test_consent_is_given_to_whom_it_was_pending(shop: Shop) -> None:
    pending = [{"channel": "email", "topic": "offers", "state": "pending", "at": "2026-01-01"}]
    run(shop, GIVEN % ", on_error: stop", consents=pending)
    assert sent(shop) == [("alice", "hello")]


def hold_out_and_erase(conn: Connection, held_out: str, erased: str) -> None:
    whose = select(customer.c.id).where(customer.c.key == held_out).scalar_subquery()
    conn.execute(update(enrolment).where(enrolment.c.customer_id == whose).values(held_out_at=NOON))
    conn.execute(update(customer).where(customer.c.key == erased).values(erased_at=NOON))


def test_nothing_is_written_of_who_is_held_out_or_erased(shop: Shop) -> None:
    start(shop, steps="[{wait: 1 day}, {update: {attributes: {tier: gold}}}, {wait: 1 day, name: last}]", late=PATIENT)
    for key in ("alice", "bea", "cora"):
        shop.customer(key)
        shop.event(key, "signed_up", NOON)
    shop.tick()
    shop.store.write(hold_out_and_erase, "alice", "bea")
    shop.tick(NOON + DAY)
    assert [known(shop, key).attributes for key in ("alice", "bea", "cora")] == [{}, {}, {"tier": "gold"}]
    assert [row[3] for row in standings(shop)] == ["last"] * 3


@pytest.mark.parametrize(
    ("said_by", "said"),
    [
        ("{}", "'update' needs one of 'attributes', 'stage', 'consent'"),
        ("{attributes: {tierr: gold}}", "attribute 'tierr' is not known in config/vocabulary.yaml; did you mean 'tier'?"),
        ("{attributes: {tier: golden}}", "'golden' is not one of gold, silver, bronze; did you mean 'gold'?"),
        ("{attributes: {points: many}}", "attribute 'points': must be a decimal number"),
        ("{attributes: {since: 2026-02-30}}", "attribute 'since': must be a date, e.g. 2026-01-31"),
        ("{attributes: {country: DE}}", "'country' is no attribute of your own, and no campaign changes it"),
        (
            "{attributes: {stage: lapsed}}",
            "no attribute of your own; write it as `stage: ..` beside 'attributes'",
        ),
        ("{attributes: {}}", "must be a mapping of attributes, e.g. {tier: gold}"),
        ("{stage: retaned}", "'retaned' is not one of identified"),
        ("{consent: {channel: email, topic: offers}}", "'consent' of 'update' needs 'state'"),
        ("{consent: {channel: fax, topic: offers, state: given}}", "'fax' is not one of email"),
        ("{stages: x}", "'update' has no 'stages'; did you mean 'stage'?"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, said_by: str, said: str) -> None:
    assert said in said_of(tmp_path, steps=f"[{{update: {said_by}}}, {{send: hello}}]")
