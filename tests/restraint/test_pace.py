"""`pace` of a campaign and `ramp_up` of a channel: never too many, and the rest has instants of its own."""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select, update

from crm_store.content.literals import Duration, Rate
from crm_store.ledger import placing
from crm_store.ledger.pacing import places
from crm_store.ledger.taking import TAKING
from crm_store.ledger.transitions import MOVES, move
from crm_store.schema import place, touch
from tests.content.checking import SETTINGS_FILE, loaded
from tests.content.checking import said_of as company_said_of
from tests.journeys.files import journey, said_of
from tests.ledger.rows import by_customer, claim_all, run_out_leases, two_claims_at_once
from tests.world import NOON, SETTINGS, Shop

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
SERVICE = {"purpose": "service", "basis": "the order", "topic": None}
RAMP = "channels: {email: {provider: outbox, ramp_up: {from: 2026-06-15, a_day: [1, 2]}}}\n"


def start(shop: Shop, company: str = "", /, **keys: str | None) -> None:
    shop.write({SETTINGS_FILE: SETTINGS + company})
    shop.campaign("c", journey(**keys))
    shop.publish(NOON - 30 * DAY)


def sign_up(shop: Shop, *keys: str, at: datetime = NOON) -> None:
    for key in keys:
        shop.customer(key)
        shop.event(key, "signed_up", at)


def run(shop: Shop, now: datetime = NOON) -> dict[str, tuple[str, str | None, timedelta]]:
    """By customer: state, reason, when due, counted from noon."""
    shop.plan(now)
    shop.deliver(now)
    rows = by_customer(shop, "state", "reason", "due_at")
    return {key: (state, reason, due - NOON) for key, (state, reason, due) in rows.items()}


@given(
    st.lists(st.integers(0, 500), max_size=30),
    st.integers(1, 12),
    st.integers(1, 100),
    st.integers(0, 60),
)
def test_places_are_never_more_than_the_pace_in_any_window(minutes: list[int], count: int, per: int, more: int) -> None:
    pace = Rate(count, Duration(per, "minute"))
    window, taken = per * MINUTE, list[datetime]()
    for minute in sorted(minutes):  # what was given kept the pace
        at = NOON + minute * MINUTE
        if len(taken) < count or at - taken[-count] >= window:
            taken.append(at)
    now = NOON + 501 * MINUTE
    room = max(0, count - sum(now - at < window for at in taken))
    given = [*taken, *[now] * room]
    found = list(islice(places([(at, 1) for at in given], pace), more)) if len(given) >= count else []
    known = [*given, *(at for at in found if at > found[-1] - window)]  # all that a later claim looks at
    found += islice(places([(at, 1) for at in known], pace), more) if found else []
    assert found == sorted(found)
    assert all(at > now for at in found)
    everything = sorted([*given, *found])
    assert all(bisect_left(everything, at + window) - number <= count for number, at in enumerate(everything))


def test_what_has_no_place_waits_for_one_of_its_own(shop: Shop) -> None:
    start(shop, pace="2 per 1 hour")
    sign_up(shop, "alice", "bob", "carol", "dave", "erin")
    first = run(shop)
    assert first == {
        "alice": ("sent", None, 0 * HOUR), "bob": ("sent", None, 0 * HOUR), "carol": ("due", "pace", HOUR),
        "dave": ("due", "pace", HOUR), "erin": ("due", "pace", 2 * HOUR),
    }  # fmt: skip
    assert shop.deliver(NOON + HOUR - MINUTE).judged == 0  # who waits is not looked at before
    sign_up(shop, "frank", at=NOON + 30 * MINUTE)
    assert run(shop, NOON + 30 * MINUTE)["frank"] == ("due", "pace", 2 * HOUR)
    assert [one[0] for one in run(shop, NOON + HOUR).values()] == ["sent"] * 4 + ["due"] * 2


def test_who_comes_late_breaks_no_pace(shop: Shop) -> None:
    start(shop, pace="1 per 1 hour")
    sign_up(shop, "alice", "bob", "carol")
    run(shop)
    assert run(shop, NOON + 150 * MINUTE) == {
        "alice": ("sent", None, 0 * HOUR), "bob": ("sent", None, HOUR), "carol": ("due", "pace", 210 * MINUTE),
    }  # fmt: skip


def test_ticks_at_any_time_keep_the_pace_and_everybody_s_turn_comes(shop: Shop) -> None:
    start(shop, pace="2 per 1 hour")
    for number, tick in enumerate((0, 5, 50, 59, 61, 200, 201, 262, 325, 390)):
        sign_up(shop, *(f"c{number}-{one}" for one in range(2) if number < 5), at=NOON + tick * MINUTE)
        run(shop, NOON + tick * MINUTE)
    went = sorted(at for state, at in by_customer(shop, "state", "decided_at").values() if state == "sent")
    assert len(went) == 10
    assert all(later - at >= HOUR for at, later in zip(went, went[2:], strict=False))


def test_what_would_expire_before_its_place_ends(shop: Shop) -> None:
    start(shop, pace="1 per 1 day", wait_at_most="36 hours")
    sign_up(shop, "alice", "bob", "carol")
    assert [one[:2] for one in run(shop).values()] == [("sent", None), ("due", "pace"), ("skipped", "pace")]


def test_what_was_given_back_takes_no_second_place(shop: Shop) -> None:
    start(shop, pace="1 per 1 day")
    sign_up(shop, "alice")
    shop.plan()
    claim_all(shop)
    run_out_leases(shop)
    assert run(shop, NOON + MINUTE) == {"alice": ("sent", None, 0 * HOUR)}


def test_what_comes_back_or_fails_gives_its_place_back_and_nothing_else_does(shop: Shop) -> None:
    start(shop, pace="2 per 1 day")
    sign_up(shop, "alice", "bob")
    shop.plan()
    claim_all(shop)
    assert shop.store.write(placing.taken) == [(NOON, 2)]
    for how in MOVES:
        for source in {*how.sources} & {*TAKING}:
            shop.store.write(_begin_again, source)
            assert shop.store.write(move, how, touch.c.id == 1) == 1
            assert shop.store.write(placing.taken) == [(NOON, 2 if how.target in TAKING else 1)], how.when


def _begin_again(conn: Connection, state: str) -> None:
    conn.execute(update(place).values(taken=2))
    conn.execute(update(touch).where(touch.c.id == 1).values(state=state))


def test_a_pace_is_of_service_too_and_of_each_campaign_alone(shop: Shop) -> None:
    start(shop, pace="1 per 1 hour", **SERVICE)
    shop.campaign("d", journey())
    shop.publish()
    sign_up(shop, "alice", "bob")
    run(shop)
    assert [row[0::3] for row in shop.touches()] == [("c", "sent"), ("c", "due"), ("d", "sent"), ("d", "sent")]


def test_two_claims_at_once_don_t_exceed_it(shop: Shop) -> None:
    start(shop, pace="3 per 1 hour")
    sign_up(shop, *(f"customer-{number}" for number in range(8)))
    shop.plan()
    two_claims_at_once(shop, 4)
    states = list(by_customer(shop, "state").values())
    assert states.count("claimed") == 3


def test_a_ramp_allows_so_many_a_day_and_then_any_number(shop: Shop) -> None:
    start(shop, RAMP)
    shop.campaign("d", journey(**SERVICE))
    shop.publish()
    sign_up(shop, "alice", "bob", "carol", "dave", "erin")
    shop.plan()
    shop.deliver(campaign="c")
    found = by_customer_of(shop, "c")
    assert [one[:2] for one in found] == [("sent", None), *[("due", "ramp_up")] * 4]
    assert [one[2] - NOON for one in found] == [0 * DAY, DAY, DAY, 2 * DAY, 2 * DAY]
    shop.deliver()  # service counts, but is not kept back
    assert {one[0] for one in by_customer_of(shop, "d")} == {"sent"}
    run(shop, NOON + DAY)
    assert [one[0] for one in by_customer_of(shop, "c")].count("sent") == 3
    run(shop, NOON + 2 * DAY)
    assert {one[0] for one in by_customer_of(shop, "c")} == {"sent"}


def by_customer_of(shop: Shop, campaign: str) -> list[tuple[str, str | None, datetime]]:
    chosen = select(touch.c.state, touch.c.reason, touch.c.due_at).where(touch.c.campaign == campaign)
    with shop.store.read() as conn:
        return [(row[0], row[1], row[2]) for row in conn.execute(chosen.order_by(touch.c.due_at, touch.c.id))]


def test_service_takes_the_places_of_a_ramp(shop: Shop) -> None:
    start(shop, RAMP, **SERVICE)
    sign_up(shop, "alice")
    run(shop)
    shop.campaign("d", journey())
    shop.publish(NOON - HOUR)
    run(shop)
    assert by_customer_of(shop, "d") == [("due", "ramp_up", NOON + DAY)]


@pytest.mark.parametrize(("first", "a_day", "limits"), [(15, "1, 2", [None, 1, 2, None]), (16, "3", [None, None, 3, None])])
def test_the_days_of_a_ramp_are_those_of_its_list(tmp_path: Path, first: int, a_day: str, limits: list[int | None]) -> None:
    email = f"{{provider: outbox, ramp_up: {{from: 2026-06-{first}, a_day: [{a_day}]}}}}"
    text = f"{SETTINGS}channels: {{email: {email}}}\n"
    ramp = loaded(tmp_path, {SETTINGS_FILE: text}).settings.channels["email"].ramp_up
    assert ramp is not None
    assert [ramp.limit(date(2026, 6, day)) for day in (14, 15, 16, 17)] == limits


def test_a_rival_that_has_no_place_takes_nobody_s(shop: Shop) -> None:
    start(shop, "caps: [{at_most: 1, per: 1 day}]\n", pace="1 per 1 hour", priority="90")
    shop.campaign("d", journey())
    shop.publish(NOON - DAY)
    sign_up(shop, "zoe")
    run(shop, NOON)
    sign_up(shop, "alice", at=NOON + MINUTE)
    shop.plan(NOON + MINUTE)
    shop.deliver(NOON + MINUTE, campaign="d")
    assert [row[3] for row in shop.touches() if row[:2] == ("d", "alice")] == ["sent"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [({"pace": "500 an hour"}, "'500 an hour' does not say how often"), ({"pace": "5 per 60 days"}, "per 31 days or less")],
)
def test_what_is_written_wrongly_is_said(tmp_path: Path, keys: dict[str, str], said: str) -> None:
    assert said in said_of(tmp_path, **keys)


@pytest.mark.parametrize(
    ("email", "said"),
    [
        ("{provider: outbox, ramp_up: {from: 2026-06-15, a_day: [0]}}", "'0' must be a whole number, 1 or more"),
        ("{provider: outbox, ramp_up: {a_day: [1]}}", "ramp_up needs 'from'"),
        (
            "{provider: outbox, fallback: {provider: outbox, ramp_up: {from: 2026-06-15, a_day: [1]}}}",
            "a fallback has no ramp_up of its own",
        ),
    ],
)
def test_a_ramp_that_is_written_wrongly_is_said(tmp_path: Path, email: str, said: str) -> None:
    text = f"{SETTINGS}channels: {{email: {email}}}\n"
    assert said in company_said_of(tmp_path, SETTINGS_FILE, text)[0]


def test_only_what_has_a_pace_or_a_ramp_writes_down_its_places(shop: Shop) -> None:
    start(shop)
    sign_up(shop, "alice")
    run(shop)
    with shop.store.read() as conn:
        assert conn.execute(select(func.count()).select_from(place)).scalar_one() == 0


def test_a_pace_goes_on_under_the_campaigns_new_name(shop: Shop) -> None:
    start(shop, pace="1 per 1 day")
    sign_up(shop, "alice")
    run(shop)
    (shop.root / "config/campaigns/c.yaml").unlink()
    shop.campaign("d", journey(pace="1 per 1 day", was="c"))
    shop.publish()
    sign_up(shop, "bob", at=NOON + HOUR)
    assert run(shop, NOON + HOUR)["bob"] == ("due", "pace", DAY)
