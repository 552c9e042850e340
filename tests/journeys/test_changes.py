"""`changes: follow`: those under way go over to the new version; nobody is stranded, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from crm_store.journeys.published import current
from crm_store.schema import assignment, enrolment, touch
from tests.content.checking import VOCABULARY_FILE
from tests.journeys.files import journey, next_at, outcomes, said_of, sent, standings, start
from tests.world import NOON, VOCABULARY, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ENTRY = NOON - HOUR
PATIENT = "{within: 30 days}"
OLD = "[{send: hello}, {wait: 4 days, name: pause}, {send: again}]"


def under_way(shop: Shop, steps: str = OLD, **keys: str) -> None:
    """Alice has signed up an hour before NOON, and gone as far as she could."""
    start(shop, steps=steps, late=PATIENT, **keys)
    shop.customer("alice")
    shop.event("alice", "signed_up", ENTRY)
    shop.tick()


def change(shop: Shop, steps: str, now: datetime = NOON + DAY, **keys: str) -> None:
    start(shop, now, **{"late": PATIENT, "changes": "follow", "steps": steps, **keys})


def at_step(shop: Shop) -> tuple[str | None, datetime | None]:
    return standings(shop)[0][3], next_at(shop)["alice"]


def right(shop: Shop) -> list[tuple[str, datetime]]:
    """(step, right instant) of the touches, in the order in which they were due."""
    with shop.store.read() as conn:
        rows = conn.execute(select(touch.c.step, touch.c.right_at).order_by(touch.c.right_at, touch.c.id)).all()
    return [(row.step, row.right_at) for row in rows]


def test_a_version_that_does_not_say_follow_pins_those_under_way(shop: Shop) -> None:
    under_way(shop)
    for pinned in ({}, {"changes": "pin"}):
        start(shop, NOON + DAY, steps="[{send: hello}, {wait: 1 day, name: pause}, {send: again}]", **pinned)
        shop.tick(NOON + 2 * DAY)
        assert at_step(shop) == ("pause", ENTRY + 4 * DAY)


def test_those_who_wait_follow_the_new_version(shop: Shop) -> None:
    under_way(shop)
    change(shop, "[{send: hello}, {wait: 6 days, name: pause}, {send: hello, name: other}]")
    assert at_step(shop) == ("pause", ENTRY + 6 * DAY)
    shop.tick(ENTRY + 6 * DAY)
    assert sent(shop) == [("alice", "hello"), ("alice", "other")]


def test_all_is_done_when_it_is_published_whatever_runs_next(shop: Shop) -> None:
    under_way(shop)
    change(shop, OLD, title="New")
    with shop.store.read() as conn:
        assert conn.execute(select(enrolment.c.definition_id)).scalar_one() == current(conn, "c").id


def test_a_planner_brings_over_who_entered_an_older_version_since(shop: Shop) -> None:
    under_way(shop)
    with shop.store.read() as conn:
        old = current(conn, "c").id
    change(shop, OLD, title="New")
    shop.store.write(lambda conn: conn.execute(update(enrolment).values(definition_id=old)))
    shop.plan(NOON + DAY)
    with shop.store.read() as conn:
        assert conn.execute(select(enrolment.c.definition_id)).scalar_one() == current(conn, "c").id


def test_a_wait_that_the_change_has_ended_ends_at_the_change_and_not_before(shop: Shop) -> None:
    under_way(shop)
    change(shop, "[{send: hello}, {wait: 6 hours, name: pause}, {send: again}]", late="{within: 1 hour}")
    shop.tick(NOON + DAY)
    assert right(shop) == [("hello", ENTRY), ("again", NOON + DAY)]
    assert sent(shop) == [("alice", "hello"), ("alice", "again")]


def test_a_wait_that_was_over_before_the_change_stays_over(shop: Shop) -> None:
    under_way(shop)
    change(shop, "[{send: hello}, {wait: 6 hours, name: pause}, {send: again}]", NOON + 9 * DAY)
    shop.tick(NOON + 9 * DAY)
    assert right(shop) == [("hello", ENTRY), ("again", ENTRY + timedelta(hours=6))]


@pytest.mark.parametrize(
    ("steps", "come_to"),
    [
        ("[{send: hello}, {send: again}]", ("again", ENTRY + 4 * DAY)),
        ("[{send: hello}, {wait: 1 day, name: more}, {send: again}]", ("again", ENTRY + 4 * DAY)),
        ("[{send: hello}]", (None, None)),
    ],
)
def test_a_removed_wait_lets_her_go_on_when_it_would_have_ended(
    shop: Shop, steps: str, come_to: tuple[str | None, datetime | None]
) -> None:
    under_way(shop)
    change(shop, steps)
    assert at_step(shop) == come_to
    shop.tick(ENTRY + 4 * DAY)
    assert [step for _, step in sent(shop)] == ["hello", "again"][: 1 + steps.count("again")]
    assert standings(shop) == [("alice", "finished", None, None)]


def test_whoever_comes_to_the_end_by_a_change_is_there_when_it_is_made(shop: Shop) -> None:
    under_way(shop)
    change(shop, "[{send: hello}]")
    with shop.store.read() as conn:
        assert conn.execute(select(enrolment.c.finished_at)).scalar_one() == NOON + DAY


def test_of_several_removed_steps_she_goes_to_the_first_that_is_still_there(shop: Shop) -> None:
    tail = "{wait: 1 day, name: v}, {send: hello, name: end}]"
    under_way(shop, f"[{{send: hello}}, {{wait: 4 days, name: w}}, {{send: again}}, {tail}")
    change(shop, f"[{{send: hello}}, {tail}")
    assert at_step(shop) == ("v", ENTRY + 5 * DAY)


def test_out_of_an_arm_that_is_gone_she_comes_to_what_follows_it(shop: Shop) -> None:
    arm = "{branch: [{when: {attribute: country, is: DE}, then: [{wait: 4 days, name: w}, {send: again}]}], name: b}"
    start(shop, steps=f"[{arm}, {{send: hello, name: end}}]", late=PATIENT)
    shop.customer("alice", country="DE")
    shop.event("alice", "signed_up", ENTRY)
    shop.tick()
    change(shop, "[{send: hello, name: end}]")
    assert at_step(shop) == ("end", ENTRY + 4 * DAY)


def test_a_step_of_the_same_name_and_another_verb_is_another_step(shop: Shop) -> None:
    under_way(shop)
    change(shop, "[{send: hello}, {send: hello, name: pause}, {send: again}]")
    assert at_step(shop) == ("again", ENTRY + 4 * DAY)


@pytest.mark.parametrize("run", [Shop.deliver, Shop.plan])
def test_what_was_written_for_a_removed_step_stays_and_is_sent(shop: Shop, run: Callable[[Shop, datetime], object]) -> None:
    start(shop, steps=OLD, late=PATIENT)
    shop.customer("alice")
    shop.event("alice", "signed_up", ENTRY)
    shop.plan()
    change(shop, "[{wait: 4 days, name: pause}, {send: again}]", NOON)
    assert at_step(shop) == ("pause", ENTRY + 4 * DAY)
    run(shop, NOON)
    shop.tick()
    shop.tick(ENTRY + 4 * DAY)
    assert sent(shop) == [("alice", "hello"), ("alice", "again")]


def test_what_was_written_and_is_never_claimed_ends_at_its_expiry(shop: Shop) -> None:
    start(shop, steps=OLD, late=PATIENT)
    shop.customer("alice")
    shop.event("alice", "signed_up", ENTRY)
    shop.plan()
    change(shop, "[{wait: 4 days, name: pause}, {send: again}]", NOON, status="paused")
    shop.tick(ENTRY + 7 * DAY)
    assert outcomes(shop)[0] == ("alice", "hello", "skipped", "paused")


def test_whoever_has_a_touch_under_way_goes_on_from_it(shop: Shop) -> None:
    start(shop, steps=OLD, late=PATIENT)
    shop.customer("alice")
    shop.event("alice", "signed_up", ENTRY)
    shop.plan()
    change(shop, "[{send: hello}, {wait: 2 days, name: pause}, {send: again}]", NOON)
    shop.tick()
    assert at_step(shop) == ("pause", ENTRY + 2 * DAY)


def test_a_renamed_step_keeps_its_people_and_is_not_sent_again(shop: Shop) -> None:
    under_way(shop)
    new = "[{send: hello, name: greeting, was: hello}, {wait: 4 days, name: rest, was: pause}, {send: again}]"
    change(shop, new)
    assert at_step(shop) == ("rest", ENTRY + 4 * DAY)
    shop.tick(ENTRY + 4 * DAY)
    assert sent(shop) == [("alice", "greeting"), ("alice", "again")]


# A step of each verb at which one stands for a moment only, unless a change has taken away the wait before it.
PASSED = {
    "wait_for": "wait_for: {event: order}, at_most: 3 days",
    "branch": "branch: [{when: {event: order}, then: [{exit: bought}]}]",
    "update": "update: {stage: lapsed}",
    "pause": "pause: {purpose: marketing, for: 2 days}",
    "follow_up": "follow_up: call",
    "exit": "exit: done",
}


def test_who_comes_to_a_step_later_comes_to_it_under_its_new_name(shop: Shop) -> None:
    def publish(now: datetime, wait: str, name: str) -> None:
        for verb, step in PASSED.items():
            steps = f"[{{send: hello}}, {wait}{{{step}, {name}}}, {{send: again}}]"
            shop.campaign(verb, journey(steps=steps, late=PATIENT, changes="follow"))
        shop.publish(now)

    shop.write({VOCABULARY_FILE: VOCABULARY + "follow_ups: {call: {}}\n"})
    publish(NOON, "{wait: 4 days, name: w}, ", "name: before")
    shop.customer("alice")
    shop.event("alice", "signed_up", ENTRY)
    shop.tick()
    publish(NOON + DAY, "", "name: before")
    publish(NOON + DAY, "", "name: now, was: before")
    assert {row[0]: row[5] for row in shop.enrolments()} == dict.fromkeys(PASSED, "now")


def test_a_mail_that_is_moved_further_down_is_not_sent_again(shop: Shop) -> None:
    under_way(shop)
    change(shop, "[{wait: 4 days, name: pause}, {send: hello, name: greeting, was: hello}, {send: again}]")
    shop.tick(ENTRY + 4 * DAY)
    assert sent(shop) == [("alice", "greeting"), ("alice", "again")]
    assert standings(shop) == [("alice", "finished", None, None)]


def test_a_renamed_touch_that_is_due_is_sent_under_its_new_name(shop: Shop) -> None:
    start(shop, steps=OLD, late=PATIENT)
    shop.customer("alice")
    shop.event("alice", "signed_up", ENTRY)
    shop.plan()
    change(shop, "[{send: hello, name: greeting, was: hello}, {wait: 4 days, name: pause}, {send: again}]", NOON)
    shop.tick()
    assert sent(shop) == [("alice", "greeting")]
    assert at_step(shop) == ("pause", ENTRY + 4 * DAY)


def split(name: str, one: str = "a", two: str = "b", more: str = "") -> str:
    arms = f"{one}: {{share: 50 %, then: [{{send: again, name: {one}-mail}}]}}, {two}: {{share: 50 %}}"
    return f"{{split: {{{arms}}}, name: {name}{more}}}"


def drawn(shop: Shop) -> list[tuple[str, str]]:
    with shop.store.read() as conn:
        return [(row.step, row.variant) for row in conn.execute(select(assignment).order_by(assignment.c.step))]


def test_a_renamed_split_keeps_what_was_drawn(shop: Shop) -> None:
    def steps(name: str, more: str = "") -> str:
        return f"[{{wait: 4 days, name: pause}}, {split(name, more=more)}]"

    under_way(shop, steps("s"))
    ((_, before),) = drawn(shop)
    change(shop, steps("t", ", was: s"))
    assert drawn(shop) == [("t", before)]


def test_a_new_split_and_an_arm_that_is_gone_are_drawn(shop: Shop) -> None:
    under_way(shop, f"[{{wait: 4 days, name: pause}}, {split('s')}]")
    change(shop, f"[{{wait: 4 days, name: pause}}, {split('s', 'x', 'y')}, {split('t', 'p', 'q')}]")
    (s, of_s), (t, of_t) = drawn(shop)
    assert (s, t) == ("s", "t")
    assert of_s in "xy"
    assert of_t in "pq"


def test_conditions_under_way_are_those_of_the_new_version(shop: Shop) -> None:
    under_way(shop)
    change(shop, OLD, exit_when="{event: order}")
    shop.event("alice", "order", NOON)
    shop.tick(NOON + DAY)
    assert standings(shop) == [("alice", "left", "exit", "pause")]


@pytest.mark.parametrize(("old", "new"), [(None, "10 days"), ("1 day", "10 days"), ("10 days", None)])
def test_the_goal_is_that_of_the_new_version_from_entry_on(shop: Shop, old: str | None, new: str | None) -> None:
    def goal(within: str | None) -> dict[str, str]:
        return {"goal": f"{{event: order, within: {within}}}"} if within else {}

    under_way(shop, **goal(old))
    change(shop, OLD, NOON + DAY, **goal(new))
    shop.event("alice", "order", NOON + 2 * DAY)
    shop.tick(NOON + 2 * DAY)
    with shop.store.read() as conn:
        assert conn.execute(select(enrolment.c.goal_at)).scalar_one() == (NOON + 2 * DAY if new else None)


def test_whoever_is_out_stays_as_she_was(shop: Shop) -> None:
    under_way(shop, "[{send: hello}]")
    before = shop.ledger(), shop.enrolments()
    change(shop, "[{send: hello, name: greeting, was: hello}, {send: again}]")
    shop.tick(NOON + DAY)
    assert (shop.ledger(), shop.enrolments()) == before


def test_the_same_again_changes_nothing(shop: Shop) -> None:
    under_way(shop)
    change(shop, "[{send: hello}, {wait: 6 days, name: pause}, {send: again}]")
    before = shop.ledger(), shop.enrolments()
    shop.publish(NOON + 2 * DAY)
    shop.tick(NOON + 2 * DAY)
    assert (shop.ledger(), shop.enrolments()) == before


TWO_WERE = "two steps were 'x' (line 5); only one of them can go on as that"


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("[{send: hello, was: again}, {send: again}]", "step 'again' is still there; take `was` out, or rename that one"),
        (
            "[{send: hello, was: x}, {send: again, was: x}]",
            TWO_WERE,
        ),
    ],
)
def test_was_names_one_step_that_is_gone(tmp_path: object, shop: Shop, steps: str, said: str) -> None:
    assert said_of(shop.root, steps=steps) == f"config/campaigns/c.yaml:5: {said}"
