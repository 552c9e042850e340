"""Guards: a run that is not of the size that is expected is held until a person lets it go; nobody is claimed before."""

from __future__ import annotations

from datetime import timedelta
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.alerts import alerts
from crm_store.insight.reasons import why
from crm_store.insight.runs import Run, runs
from crm_store.journeys import plan, slices
from crm_store.ledger.control import stop_campaign
from crm_store.ledger.log import Order
from crm_store.ledger.runs import accept, close_run
from crm_store.restraint.guard import usual_guard
from tests.journeys.files import said_of, sent, start, sums_hold
from tests.ledger.rows import by_customer
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TWO_OR_THREE = "{recipients: {between: [2, 3]}}"


def sign_up(shop: Shop, count: int, day: int = 0) -> None:
    for n in range(count):
        key = f"day{day}-{n}"
        shop.customer(key)
        shop.event(key, "signed_up", NOON + day * DAY - HOUR)


def known(shop: Shop) -> list[Run]:
    """All runs, the oldest first."""
    with shop.store.read() as conn:
        return list(reversed(runs(conn)))


def run(shop: Shop, day: int, count: int) -> str | None:
    """So many sign up on a day; what becomes of their run."""
    sign_up(shop, count, day)
    shop.tick(NOON + day * DAY)
    return known(shop)[-1].state


@pytest.mark.parametrize(
    ("expected", "count", "state"),
    [("2, 3", 1, "held"), ("2, 3", 2, None), ("2, 3", 3, None), ("2, 3", 4, "held"), ("1, 4", 4, None)],
)
def test_a_run_goes_if_it_has_as_many_recipients_as_its_guard_expects(
    shop: Shop, expected: str, count: int, state: str | None
) -> None:
    start(shop, guard=f"{{recipients: {{between: [{expected}]}}}}")
    assert run(shop, 0, count) == state
    assert set(by_customer(shop, "state").values()) == {"due" if state else "sent"}
    assert sums_hold(shop)


def test_a_held_run_alerts_and_goes_on_only_by_a_person(shop: Shop) -> None:
    start(shop, guard=TWO_OR_THREE)
    run(shop, 0, 1)
    alert = str(*alerts(shop.store, NOON))
    assert "campaign 'c': run 1 (as of 2026-06-15 12:00 UTC) is held: 1" in alert
    assert "1 recipient, its guard expects 2 to 3; `rapport run --accept c` lets it go" in alert
    with shop.store.read() as conn:
        story = why(conn, "c", "day0-0", NOON)
    assert story is not None
    assert story.stopped is not None
    assert (story.stopped.name, story.stopped.says[:13]) == ("run", "run 1 is held")
    shop.publish()
    shop.tick()
    assert sent(shop) == []
    assert shop.store.write(accept, "c", NOON, Order("ann")) == 1
    assert alerts(shop.store, NOON) == []
    shop.tick()
    assert sent(shop) == [("day0-0", "hello")]


def test_what_a_person_lets_go_is_not_late_for_the_time_that_took(shop: Shop) -> None:
    start(shop, guard=TWO_OR_THREE)
    run(shop, 0, 1)
    morning = NOON + 20 * HOUR
    assert shop.store.write(accept, "c", morning, Order("ann")) == 1
    shop.tick(morning)
    assert sent(shop) == [("day0-0", "hello")]


def test_what_waits_for_something_else_is_not_for_a_person_to_accept(shop: Shop) -> None:
    start(shop, pace="1 per 1 day")
    assert run(shop, 0, 2) is None
    assert sorted(by_customer(shop, "state").values()) == ["due", "sent"]
    assert shop.store.write(accept, "c", NOON + 20 * HOUR, Order("ann")) == 0


def test_what_nobody_accepts_ends_held_at_its_expiry(shop: Shop) -> None:
    start(shop, guard=TWO_OR_THREE)
    run(shop, 0, 1)
    shop.plan(NOON - HOUR + 7 * DAY - timedelta(seconds=1))
    assert by_customer(shop, "state") == {"day0-0": "due"}
    shop.plan(NOON - HOUR + 7 * DAY)
    assert by_customer(shop, "state", "reason") == {"day0-0": ("skipped", "held")}
    assert alerts(shop.store, NOON) == []


def test_without_a_guard_a_run_over_three_times_the_median_of_the_last_is_held(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_store.restraint.guard.NEVER_HELD", 2)
    start(shop)
    assert [run(shop, day, count) for day, count in enumerate([1, 4, 1])] == [None, None, None]  # too few to tell
    assert [run(shop, 3, 4), run(shop, 4, 3), run(shop, 5, 4)] == ["held", None, None]  # what was held is no example


def test_zones_of_a_day_are_weighed_together(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the zone in which most live would be held each time, after some in which few do."""
    monkeypatch.setattr("crm_store.restraint.guard.NEVER_HELD", 2)
    start(shop, kind="broadcast", enter='{every: day, at: "14:00", zone: customer}')
    lives = ["Asia/Tokyo", "Asia/Kolkata", "Europe/Berlin", *["America/New_York"] * 8]
    for n, zone in enumerate(lives):
        shop.customer(f"c{n}", time_zone=zone)
    for hour in range(4 * 24):
        shop.tick(NOON + hour * HOUR)
    assert {one.eligible for one in known(shop)} == {1, 3, 8}  # three zones had their hour before the first tick
    assert {one.state for one in known(shop)} == {None}
    for n in range(40):
        shop.customer(f"new-{n}", time_zone="America/New_York")
    for hour in range(4 * 24, 5 * 24):
        shop.tick(NOON + hour * HOUR)
    (held,) = [one for one in known(shop) if one.state == "held"]
    assert held.why == "51 recipients, the usual guard (3 times the median of the last 4 days) expects up to 33"


def test_what_was_held_and_then_stopped_is_no_example(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm_store.restraint.guard.NEVER_HELD", 2)
    start(shop)
    for day, count in enumerate([1, 1, 1]):
        run(shop, day, count)
    for day in range(3, 7):
        assert run(shop, day, 9) == "held"
        stop_campaign(shop.store, "c", known(shop)[-1].id, Order("ann", "too many"), NOON + day * DAY)
    stopped = known(shop)[-1].why
    assert stopped is not None
    assert stopped.startswith("9 recipients, the usual guard")
    assert stopped.endswith("; stopped: too many")


@given(last=st.lists(st.integers(1, 1_000), min_size=3, max_size=12), recipients=st.integers(0, 4_000))
def test_the_usual_guard_holds_what_is_over_100_and_over_three_times_the_median(last: list[int], recipients: int) -> None:
    guard = usual_guard(last)
    assert guard is not None
    assert (guard.bars(recipients) is not None) == (recipients > 100 and recipients > 3 * median(last[:10]))
    assert usual_guard(last[:2]) is None


def test_nobody_is_claimed_of_a_run_whose_planner_died_and_the_next_one_ends_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(shop, guard=TWO_OR_THREE)
    sign_up(shop, 3)
    with monkeypatch.context() as patched:
        patched.setattr(slices, "SLICE", 2)
        patched.setattr("crm_store.journeys.speaking.add_eligible", dying_at(2))
        with pytest.raises(ZeroDivisionError):
            shop.plan()
    assert [(one.state, one.eligible) for one in known(shop)] == [("planning", 2)]
    shop.deliver()
    assert shop.store.write(accept, "c", NOON, Order("ann")) == 0
    assert set(by_customer(shop, "state").values()) == {"due"}
    shop.tick()
    assert [(one.state, one.eligible) for one in known(shop)] == [(None, 3)]
    assert len(sent(shop)) == 3


def dying_at(time: int) -> object:
    from crm_store.ledger.runs import add_eligible

    calls = iter(range(1, 100))

    def add(*args: object) -> None:
        if next(calls) == time:
            raise ZeroDivisionError
        add_eligible(*args)  # type: ignore[arg-type]

    return add


def test_a_planner_whose_run_another_one_has_closed_begins_one_with_a_guard_of_its_own(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(shop, guard=TWO_OR_THREE)
    sign_up(shop, 3)
    enter = plan.__dict__["enter_slice"]

    def closing(conn: object, version: object, now: object, run_id: int | None, *args: object) -> object:
        if run_id is not None:
            close_run(conn, run_id, None)  # type: ignore[arg-type]
        return enter(conn, version, now, run_id, *args)

    monkeypatch.setattr(slices, "SLICE", 2)
    monkeypatch.setattr(plan, "enter_slice", closing)
    shop.plan()
    assert [(one.state, one.eligible) for one in known(shop)] == [(None, 2), ("held", 1)]


@pytest.mark.parametrize(
    ("guard", "said"),
    [
        ("{recipients: {between: [5, 2]}}", "'between' takes two numbers, the smaller first"),
        ("{recipients: {between: [5]}}", "'between' takes two numbers"),
        ("{recipients: {between: [1, many]}}", "'many' must be a whole number of recipients"),
        ("{recipients: {at_most: 5}}", "'recipients' needs 'between'"),
        ("{recipient: {between: [1, 2]}}", "'guard' has no 'recipient'; did you mean 'recipients'?"),
    ],
)
def test_what_is_written_wrongly_is_said(tmp_path_factory: pytest.TempPathFactory, guard: str, said: str) -> None:
    assert said in said_of(tmp_path_factory.mktemp("shop"), guard=guard)
