"""`send` and `wait` as steps: their names, what an error does, what campaign keys a mail and its judging go by."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from crm_store.journeys.published import current
from tests.journeys.files import journey, outcomes, said_of, sent, standings, start
from tests.world import NOON, SETTINGS, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ONLY_NEWS = [{"channel": "email", "topic": "news", "state": "given", "at": "2020-01-01", "basis": "consent"}]


def sign_up(shop: Shop, key: str = "alice", **fields: object) -> None:
    shop.customer(key, **fields)
    shop.event(key, "signed_up", HOUR)


def names(shop: Shop, steps: str) -> list[str]:
    start(shop, steps=steps)
    with shop.store.read() as conn:
        return [step.name for step in current(conn, "c").campaign.course.steps]


def test_a_send_is_named_for_its_template_and_a_wait_for_the_next_send(shop: Shop) -> None:
    steps = "[{wait: 1 day}, {send: hello}, {wait: 1 day}, {send: again}, {wait: 2 days}]"
    assert names(shop, steps) == ["wait before hello", "hello", "wait before again", "again", "wait at end"]


def test_a_name_is_what_the_file_says(shop: Shop) -> None:
    assert names(shop, "[{send: hello}, {wait: 1 day, name: rest}, {send: hello, name: second}]") == [
        "hello",
        "rest",
        "second",
    ]


@pytest.mark.parametrize(
    "steps", ["[{send: hello}, {wait: 1 day}, {send: hello}]", "[{wait: 1 day}, {wait: 2 days}, {send: hello}]"]
)
def test_two_steps_of_one_name_are_refused(tmp_path: Path, steps: str) -> None:
    assert "two steps are called" in said_of(tmp_path, steps=steps)


def test_the_topic_says_whose_consent_counts(shop: Shop) -> None:
    sign_up(shop, "alice", consents=ONLY_NEWS)
    shop.campaign("offers", journey(topic="offers"))
    start(shop, topic="news")
    shop.tick()
    assert [row[0] for row in shop.touches() if row[3] == "sent"] == ["c"]


def test_the_sender_is_the_one_named(shop: Shop) -> None:
    more = "  second: {from: anna@test-shop.example, name: Anna, reply_to: desk@test-shop.example}\n"
    senders = "senders:\n  default: {from: hello@test-shop.example, name: Test Shop}\n" + more
    shop.write({"config/rapport.yaml": SETTINGS.replace(SETTINGS.splitlines()[2] + "\n", senders)})
    sign_up(shop)
    start(shop, sender="second")
    shop.tick()
    (mail,) = shop.mails()
    assert (mail["From"], mail["Reply-To"]) == ("Anna <anna@test-shop.example>", "desk@test-shop.example")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"kind": "winback"}, "'enter' of a winback campaign needs 'lapse'"),
        ({"kind": "broadcast"}, "'enter' of a broadcast campaign needs 'time', 'every' or 'cron'"),
        ({"channel": "pigeon"}, "channel 'pigeon' is not in config/rapport.yaml"),
        ({"sender": "ana"}, "sender 'ana' is not in config/rapport.yaml"),
        ({"topic": "offer"}, "did you mean 'offers'"),
        ({"status": "alive"}, "'alive' is not one of draft, live, paused, ended"),
        ({"when_ended": "stop"}, "'stop' is not one of finish, exit"),
        ({"late": "{within: 1 month}"}, "not exact here; use days"),
        ({"steps": "[{send: hello, on_error: panic}]"}, "'panic' is not one of continue, stop"),
        ({"steps": "[{send: nothing}]"}, "nothing"),
        ({"steps": "[{branch: []}]"}, "is an empty list; name at least one"),
    ],
)
def test_a_key_that_can_mean_nothing_here_is_refused(tmp_path: Path, keys: dict[str, str], said: str) -> None:
    assert said in said_of(tmp_path, **keys)


def test_who_is_not_in_the_audience_does_not_enter(shop: Shop) -> None:
    start(shop, audience="{attribute: country, is: DE}")
    sign_up(shop, "alice", country="DE")
    sign_up(shop, "eve", country="FR")
    shop.tick()
    assert outcomes(shop) == [("alice", "hello", "sent", None)]


def test_who_left_the_audience_gets_no_mail_and_goes_on(shop: Shop) -> None:
    start(
        shop,
        audience="{attribute: country, is: DE}",
        steps="[{send: hello}, {wait: 1 day}, {send: again}, {wait: 1 day}, {send: hello, name: last}]",
    )
    sign_up(shop, country="DE")
    shop.tick()
    shop.customer("alice", country="FR")
    shop.tick(NOON + DAY)
    shop.customer("alice", country="DE")
    shop.tick(NOON + 2 * DAY)
    assert [row[1:] for row in outcomes(shop)] == [
        ("hello", "sent", None),
        ("again", "skipped", "audience"),
        ("last", "sent", None),
    ]


def test_an_exit_without_since_counts_whatever_ever_happened(shop: Shop) -> None:
    start(shop, exit_when="{event: order}")
    for key in ("alice", "eve"):
        sign_up(shop, key)
    shop.event("eve", "order", 300 * DAY)
    shop.tick()
    assert outcomes(shop) == [("alice", "hello", "sent", None), ("eve", "hello", "cancelled", "exit")]
    assert standings(shop)[1] == ("eve", "left", "exit", "hello")


def test_an_exit_ends_a_wait_at_the_next_tick_and_not_at_its_end(shop: Shop) -> None:
    start(shop, exit_when="{event: order, since: entered}", steps="[{send: hello}, {wait: 9 days}, {send: again}]")
    sign_up(shop)
    shop.tick()
    shop.event("alice", "order", NOON + HOUR)
    shop.tick(NOON + 2 * HOUR)
    assert standings(shop) == [("alice", "left", "exit", "wait before again")]


def test_who_meets_the_exit_when_entering_leaves_in_the_same_planning(shop: Shop) -> None:
    start(shop, exit_when="{event: order}", steps="[{wait: 9 days}, {send: again}]")
    sign_up(shop)
    shop.event("alice", "order", 300 * DAY)
    shop.plan()
    assert standings(shop) == [("alice", "left", "exit", "wait before again")]


def test_an_exit_that_holds_as_a_mail_is_settled_is_seen_in_the_same_planning(shop: Shop) -> None:
    start(shop, exit_when="{event: order, since: entered}", steps="[{send: hello}, {wait: 9 days}, {send: again}]")
    sign_up(shop)
    shop.plan()
    shop.deliver()
    shop.event("alice", "order", NOON)
    shop.plan()
    assert standings(shop) == [("alice", "left", "exit", "wait before again")]


def test_an_exit_between_planning_and_claim_cancels_the_mail(shop: Shop) -> None:
    start(shop, exit_when="{event: order, since: entered}")
    sign_up(shop)
    shop.plan()
    shop.event("alice", "order", NOON)
    shop.deliver()
    assert outcomes(shop) == [("alice", "hello", "cancelled", "exit")]


@pytest.mark.parametrize(
    ("since", "kept"), [("entered", "finished"), ("trigger", "left"), ("12 days after trigger", "finished")]
)
def test_since_counts_from_the_entry_or_from_what_triggered_it(shop: Shop, since: str, kept: str) -> None:
    start(
        shop,
        kind="winback",
        enter="{lapse: order, after: 10 days}",
        exit_when=f"{{event: cart_updated, since: {since}}}",
    )
    shop.customer("alice")
    shop.event("alice", "order", 10 * DAY)
    shop.event("alice", "cart_updated", 5 * DAY)
    shop.tick()
    assert standings(shop)[0][1] == kept


def test_an_exit_with_same_looks_at_the_triggers_property(shop: Shop) -> None:
    exit_when = "{event: order, same: cart_id, since: trigger}"
    start(shop, enter="{event: cart_updated}", again="per cart_id", exit_when=exit_when)
    shop.customer("alice")
    for cart_id in ("a", "b"):
        shop.event("alice", "cart_updated", HOUR, properties={"cart_id": cart_id})
    shop.event("alice", "order", HOUR / 2, properties={"cart_id": "b"})
    shop.tick()
    assert [(row[2], row[3]) for row in shop.enrolments()] == [("a", "finished"), ("b", "left")]


RATIO = "{{ 100 / customer.points if customer.points is not none }} {{ links.unsubscribe }}"


@pytest.mark.parametrize(("on_error", "then"), [("continue", ["again"]), ("stop", [])])
def test_a_mail_that_fails_goes_on_or_stops_as_the_step_says(shop: Shop, on_error: str, then: list[str]) -> None:
    shop.write({"templates/hello/subject.j2": "x", "templates/hello/body.html.j2": RATIO})
    start(shop, steps=f"[{{send: hello, on_error: {on_error}}}, {{send: again}}]")
    sign_up(shop, attributes={"points": 0})
    shop.tick()
    assert ("alice", "hello", "failed", "template") in outcomes(shop)
    assert [step for _, step in sent(shop)] == then
    assert standings(shop)[0][1:3] == (("finished", None) if then else ("left", "failed"))
