"""Waits, conditions and codes that count from moments of the customer's and of the journey's own."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from crm_store.schema import offer
from tests.journeys.files import next_at, outcomes, said_of, sent, standings, start
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATIENT = "{within: 60 days}"
OFFERS = "{treat: {discount: 15 %, code: unique, valid: 3 days}}"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


def waits(shop: Shop, text: str, more: str = "", **fields: Any) -> None:
    """Alice signs up at noon, 14:00 in Berlin, gets a mail with a code, and waits."""
    steps = f"[{{send: gift, offer: treat}}, {{wait: {text}{more}}}, {{send: again}}]"
    start(shop, steps=steps, late=PATIENT, offers=OFFERS)
    shop.customer("alice", **{"time_zone": "Europe/Berlin", **fields})
    shop.event("alice", "order", NOON - 20 * DAY)
    shop.event("alice", "order", NOON - 2 * DAY)
    shop.event("alice", "order", NOON + 2 * DAY)
    shop.event("alice", "signed_up", NOON)
    shop.tick()


KNOWN: dict[str, Any] = {"joined_on": "2026-06-01", "attributes": {"since": "2026-06-30", "seen": "2026-06-20T08:15:00Z"}}
ENDS = {
    "{until: since}": "2026-06-29 22:00",
    "{until: since, at: '09:00'}": "2026-06-30 07:00",
    "{until: 10 days before since, at: '09:00'}": "2026-06-20 07:00",
    "{until: 9 months after since, at: '02:30'}": "2027-03-30 00:30",
    "{until: 1 month after joined_on}": "2026-06-30 22:00",
    "{until: seen}": "2026-06-20 08:15",
    "{until: 1 hour after seen, at: '09:00'}": "2026-06-21 07:00",
    "{until: 30 days after first order}": "2026-06-25 12:00",
    "{until: 30 days after last order}": "2026-07-13 12:00",
    "{until: 2 days after step gift}": "2026-06-17 12:00",
    "{until: offer treat expires}": "2026-06-18 12:00",
    "{until: 1 day before offer treat expires, at: '20:00'}": "2026-06-17 18:00",
}


@pytest.mark.parametrize("text", ENDS)
def test_a_wait_until_a_moment_of_her_own_ends_then(shop: Shop, text: str) -> None:
    waits(shop, text, **KNOWN)
    assert next_at(shop) == {"alice": utc(ENDS[text])}


def test_a_date_is_each_customers_own(shop: Shop) -> None:
    start(shop, steps="[{wait: {until: since, at: '09:00'}}, {send: hello}]", late=PATIENT)
    for key, zone in (("east", "Pacific/Kiritimati"), ("west", "Pacific/Pago_Pago")):
        shop.customer(key, time_zone=zone, attributes={"since": "2026-06-30"})
        shop.event(key, "signed_up", NOON)
    shop.tick()
    assert next_at(shop) == {"east": utc("2026-06-29 19:00"), "west": utc("2026-06-30 20:00")}


@pytest.mark.parametrize("text", ["{until: since}", "{until: last cart_updated}", "{until: seen, at: '09:00'}"])
def test_a_moment_that_is_not_known_is_not_waited_for(shop: Shop, text: str) -> None:
    waits(shop, text)
    assert sorted(sent(shop)) == [("alice", "again"), ("alice", "gift")]


def test_with_on_error_stop_who_waits_for_it_leaves(shop: Shop) -> None:
    waits(shop, "{until: since}", more=", on_error: stop")
    assert standings(shop) == [("alice", "left", "failed", "wait before again")]
    assert sent(shop) == [("alice", "gift")]


def test_a_wait_that_can_not_fail_says_nothing_of_failing(tmp_path: Path) -> None:
    for text in ("1 day", "{until: 2026-07-01}", "{until: 3 days after entered}"):
        said = said_of(tmp_path, steps=f"[{{wait: {text}, on_error: stop}}, {{send: hello}}]")
        assert "this wait can't fail; 'on_error' goes with `until` a moment that may be missing" in said


def test_a_moment_that_had_passed_skips_what_follows(shop: Shop) -> None:
    waits(shop, "{until: 1 week before since}", attributes={"since": "2026-06-16"})
    assert outcomes(shop)[-1] == ("alice", "gift", "sent", None)
    assert ("alice", "again", "skipped", "past") in outcomes(shop)


# Corrected meanwhile

PARTED = "{until: 10 days before since, at: '09:00', if_past: %s}"


def parted(shop: Shop, if_past: str = "skip", since: str = "2026-07-10") -> None:
    waits(shop, PARTED % if_past, attributes={"since": "2026-07-10"})
    assert next_at(shop) == {"alice": utc("2026-06-30 07:00")}
    shop.customer("alice", attributes={"since": since})


@pytest.mark.parametrize(("since", "then"), [("2026-07-01", "2026-06-21"), ("2026-08-01", "2026-07-22")])
def test_a_date_that_moves_moves_the_end_of_the_wait(shop: Shop, since: str, then: str) -> None:
    parted(shop, since=since)
    shop.tick(NOON + DAY)
    assert next_at(shop) == {"alice": utc(f"{then} 07:00")}
    shop.tick(utc(f"{then} 07:00"))
    assert sent(shop) == [("alice", "gift"), ("alice", "again")]


@pytest.mark.parametrize(
    ("if_past", "standing", "outcome"),
    [
        ("skip", ("finished", None), [("alice", "again", "skipped", "past")]),
        ("go_on", ("finished", None), [("alice", "again", "sent", None)]),
        ("exit", ("left", "past"), []),
    ],
)
def test_a_date_that_moves_into_the_past_follows_if_past(
    shop: Shop, if_past: str, standing: tuple[str, str | None], outcome: list[tuple[str, str, str, str | None]]
) -> None:
    parted(shop, if_past, since="2026-06-20")
    shop.tick(NOON + DAY)
    assert standings(shop)[0][1:3] == standing
    assert [one for one in outcomes(shop) if one[1] == "again"] == outcome


@pytest.mark.parametrize(("on_error", "standing"), [("", "finished"), (", on_error: stop", "left")])
def test_a_date_that_is_taken_away_is_not_waited_for_any_longer(shop: Shop, on_error: str, standing: str) -> None:
    waits(shop, "{until: since}", more=on_error, attributes={"since": "2026-07-10"})
    shop.customer("alice", attributes={"since": None})
    shop.tick(NOON + DAY)
    assert standings(shop)[0][1] == standing
    assert (("alice", "again") in sent(shop)) == (standing == "finished")


def test_a_change_of_something_else_moves_nothing(shop: Shop) -> None:
    parted(shop)
    shop.customer("alice", first_name="Alicia", attributes={"tier": "gold"})
    shop.tick(NOON + DAY)
    assert next_at(shop) == {"alice": utc("2026-06-30 07:00")}


BIRTHDAY = "[{send: hello}, {wait: {until: 10 days after birthday, at: '09:00'}}, {send: again}]"


@pytest.mark.parametrize(("corrected", "then"), [("--06-20", "2026-06-30"), ("--06-08", "2026-06-18")])
def test_a_birthday_that_is_corrected_moves_what_comes_after_it(shop: Shop, corrected: str, then: str) -> None:
    start(shop, NOON - DAY, kind="occasion", enter="{date: birthday, at: '10:00'}", steps=BIRTHDAY)
    shop.customer("alice", time_zone="Europe/Berlin", birthday="--06-15")
    shop.tick()
    assert next_at(shop) == {"alice": utc("2026-06-25 07:00")}
    shop.customer("alice", birthday=corrected)
    shop.tick(NOON + DAY)
    assert next_at(shop) == {"alice": utc(f"{then} 07:00")}
    assert sent(shop) == [("alice", "hello")]


def test_a_wait_that_begins_after_the_correction_knows_it(shop: Shop) -> None:
    steps = "[{wait: 1 day}, {wait: {until: 2 days after birthday, at: '09:00'}, name: on}, {send: again}]"
    start(shop, NOON - DAY, kind="occasion", enter="{date: birthday, at: '10:00'}", steps=steps, late=PATIENT)
    shop.customer("alice", time_zone="Europe/Berlin", birthday="--06-15")
    shop.tick()
    shop.customer("alice", birthday="--06-20")
    shop.tick(NOON + 3 * DAY)  # the old day is past, the new one is not
    assert next_at(shop) == {"alice": utc("2026-06-22 07:00")}


@pytest.mark.parametrize(
    ("fields", "then"), [({"birthday": "--06-20"}, "2026-06-25"), ({"joined_on": "2021-06-18"}, "2026-06-28")]
)
def test_an_anniversary_moves_with_its_own_date_and_no_other(shop: Shop, fields: dict[str, str], then: str) -> None:
    steps = "[{send: hello}, {wait: {until: 10 days after joined_on, at: '09:00'}}, {send: again}]"
    start(shop, NOON - DAY, kind="occasion", enter="{date: joined_on, at: '10:00', years: [5]}", steps=steps)
    shop.customer("alice", time_zone="Europe/Berlin", birthday="--03-01", joined_on="2021-06-15")
    shop.tick()
    shop.customer("alice", **fields)
    shop.tick(NOON + DAY)
    assert next_at(shop) == {"alice": utc(f"{then} 07:00")}


# Conditions and codes

CONDITION = "{event: cart_updated, since: %s}"


@pytest.mark.parametrize(
    ("since", "state"),
    [
        ("step hello", "left"),
        ("1 hour after step hello", "finished"),
        ("offer treat expires", "finished"),
        ("3 days before offer treat expires", "left"),
        ("1 month before entered", "left"),
        ("1 month after entered", "finished"),
    ],
)
def test_conditions_count_from_steps_and_codes_of_this_enrolment(shop: Shop, since: str, state: str) -> None:
    steps = "[{send: gift, offer: treat}, {wait: 1 hour}, {send: hello}, {wait: 1 day}, {send: again}]"
    start(shop, steps=steps, late=PATIENT, offers=OFFERS, exit_when=CONDITION % since)
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON)
    shop.tick()
    shop.tick(NOON + HOUR)
    shop.event("alice", "cart_updated", NOON + 1.5 * HOUR)
    shop.tick(NOON + 2 * DAY)
    assert standings(shop)[0][1] == state


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("step hallo", "'hallo' is none of this file's steps that send something; did you mean 'hello'?"),
        ("offer trat expires", "offer 'trat' is not in this file's `offers`; did you mean 'treat'?"),
    ],
)
def test_conditions_know_the_files_own_names_only(tmp_path: Path, since: str, said: str) -> None:
    assert said in said_of(tmp_path, exit_when=CONDITION % since, offers=OFFERS)


def ends_of_codes(shop: Shop) -> list[datetime | None]:
    with shop.store.read() as conn:
        return list(conn.execute(select(offer.c.valid_until)).scalars())


def test_a_code_may_be_valid_until_some_days_after_a_step(shop: Shop) -> None:
    offers = "{treat: {discount: 15 %, code: unique, valid: until 2 days after step hello}}"
    start(shop, steps="[{send: hello}, {wait: 1 day}, {send: gift, offer: treat}]", late=PATIENT, offers=offers)
    shop.customer("alice", time_zone="Europe/Berlin")
    shop.event("alice", "signed_up", NOON)
    shop.tick()
    shop.tick(NOON + DAY)
    assert ends_of_codes(shop) == [utc("2026-06-17 22:00")]


def test_a_code_that_is_valid_until_a_later_step_ends_with_the_day_of_that(shop: Shop) -> None:
    offers = "{treat: {discount: 15 %, code: unique, valid: until step again}}"
    start(shop, steps="[{send: gift, offer: treat}, {wait: 5 days}, {send: again}]", late=PATIENT, offers=offers)
    shop.customer("alice", time_zone="Europe/Berlin")
    shop.event("alice", "signed_up", NOON)
    shop.tick()
    assert ends_of_codes(shop) == [None]
    shop.tick(NOON + 5 * DAY)
    assert ends_of_codes(shop) == [utc("2026-06-20 22:00")]


def test_a_code_knows_the_files_own_steps_only(tmp_path: Path) -> None:
    offers = "{treat: {discount: 15 %, code: unique, valid: until step agin}}"
    steps = "[{send: gift, offer: treat}, {send: again}]"
    assert "'agin' is none of this file's steps" in said_of(tmp_path, steps=steps, offers=offers)
