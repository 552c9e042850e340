"""`examples:` of campaigns: played through the real engine, and every key of them counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.content.checking import CAMPAIGN, SETTINGS_FILE, VOCABULARY_FILE, said_of, tried
from tests.journeys.files import journey
from tests.world import SETTINGS, VOCABULARY

ALICE = "customer: {email: alice@example.com, consents: [{channel: email, topic: offers}]}"
SIGNED_UP = "events: [{event: signed_up, at: 2026-06-01 09:00}]"
TWO = "[{send: hello}, {wait: {for: 3 days, at: '10:00'}}, {send: again}]"
BOTH = "touches: [{send: hello, at: 2026-06-01 09:00}, {send: again, at: 2026-06-05 10:00}]"
BOTH_AT_TEN = BOTH.replace("06-05", "06-04")


def said(root: Path, *examples: str, **keys: str) -> list[str]:
    """What is said of these examples of the campaign `c`, each with its number, from 1."""
    text = journey(**keys)
    files = {CAMPAIGN: f"{text}examples:\n" + "".join(f"  - {{{one}}}\n" for one in examples)}
    first = text.count("\n") + 1
    found = [fault.removeprefix(f"{CAMPAIGN}:").partition(": ") for fault in tried(root, files)]
    return [f"{int(line) - first}: {what}" for line, _, what in found]


def test_right_examples_say_nothing(tmp_path: Path) -> None:
    assert said(tmp_path, f"{ALICE}, {SIGNED_UP}, {BOTH_AT_TEN}", f"{ALICE}, touches: []", steps=TWO) == []


def test_a_mail_that_comes_at_another_time_is_said_with_what_came_instead(tmp_path: Path) -> None:
    assert said(tmp_path, f"{ALICE}, touches: []", f"{ALICE}, {SIGNED_UP}, {BOTH}", steps=TWO) == [
        "2: example of campaign c: expected hello at 2026-06-01 09:00, again at 2026-06-05 10:00; "
        "what came: hello at 2026-06-01 09:00, again at 2026-06-04 10:00"
    ]


@pytest.mark.parametrize(
    ("example", "what"),
    [
        (f"{ALICE}, {SIGNED_UP}, touches: []", "expected no mail; what came: hello at 2026-06-01 09:00"),
        (f"{ALICE}, touches: [{{send: hello, at: 2026-06-01 09:00}}]",
         "expected hello at 2026-06-01 09:00; what came: nothing, she never entered"),
        (f"{SIGNED_UP}, touches: [{{send: hello, at: 2026-06-01 09:00}}]",
         "expected hello at 2026-06-01 09:00; what came: hello at 2026-06-01 09:00 (skipped: no_address)"),
        (f"{ALICE}, {SIGNED_UP}, touches: [{{send: hello, at: 2026-06-01 09:00:30}}]",
         "expected hello at 2026-06-01 09:00:30; what came: hello at 2026-06-01 09:00"),
        (f"{ALICE}, {SIGNED_UP}, left: exit", "expected that she leaves for 'exit', but she came to the end"),
        (f"{ALICE}, left: exit", "expected that she leaves for 'exit', but she never entered"),
    ],
)  # fmt: skip
def test_what_came_instead(tmp_path: Path, example: str, what: str) -> None:
    assert said(tmp_path, f"title: a title, {example}") == [f"1: example 'a title' of campaign c: {what}"]


def test_times_are_local_to_the_customer(tmp_path: Path) -> None:
    in_lisbon = ALICE.replace("customer: {", "customer: {time_zone: Europe/Lisbon, ")
    touches = "touches: [{send: hello, at: 2026-06-01 08:00}, {send: again, at: 2026-06-04 10:00}]"
    assert said(tmp_path, f"{in_lisbon}, {SIGNED_UP}, {touches}", steps=TWO) == []


def test_what_happens_under_way_counts_from_its_own_instant(tmp_path: Path) -> None:
    events = "events: [{event: signed_up, at: 2026-06-01 09:00}, {event: order, at: 2026-06-02 11:00}]"
    first = "touches: [{send: hello, at: 2026-06-01 09:00}]"
    assert said(tmp_path, f"{ALICE}, {events}, {first}, left: exit", steps=TWO, exit_when="{event: order}") == []
    then = "touches: [{send: hello, at: 2026-06-01 09:00}, {send: again, at: 2026-06-02 11:00}]"
    steps = "[{send: hello}, {wait_for: {event: order}, at_most: 9 days, then: [{send: again}]}]"
    assert said(tmp_path, f"{ALICE}, {events}, {then}", steps=steps) == []


def test_left_says_for_what_reason(tmp_path: Path) -> None:
    steps = "[{send: hello}, {exit: enough}]"
    example = f"{ALICE}, {SIGNED_UP}, left"
    assert said(tmp_path, f"{example}: enough", steps=steps) == []
    (fault,) = said(tmp_path, f"{example}: exit", steps=steps)
    assert fault.endswith("expected that she leaves for 'exit', but she left for 'enough'")


def test_until_ends_the_play_before_the_rest_comes(tmp_path: Path) -> None:
    first = "touches: [{send: hello, at: 2026-06-01 09:00}]"
    assert said(tmp_path, f"{ALICE}, {SIGNED_UP}, until: 2026-06-03, {first}", steps=TWO) == []
    (fault,) = said(tmp_path, f"{ALICE}, {SIGNED_UP}, until: 2026-06-04, {first}", steps=TWO)
    assert "again at 2026-06-04 10:00" in fault


def test_until_goes_on_where_she_is_out_already(tmp_path: Path) -> None:
    keys = {"kind": "occasion", "enter": "{date: birthday}"}
    who = ALICE.replace("customer: {", "customer: {birthday: 1990-06-20, ")
    once = "touches: [{send: hello, at: 2026-06-20 09:00}]"
    twice = once.replace("]", ", {send: hello, at: 2027-06-20 09:00}]")
    assert said(tmp_path, f"{who}, {once}", f"{who}, until: 2027-06-20, {twice}", **keys) == []


def test_now_is_what_moments_are_counted_from(tmp_path: Path) -> None:
    events = "events: [signed_up 2 days ago]"
    usual = "touches: [{send: hello, at: 2026-06-13 12:00}]"
    said_so = "now: 2026-01-10 18:00, touches: [{send: hello, at: 2026-01-08 18:00}]"
    assert said(tmp_path, f"{ALICE}, {events}, {usual}", f"{ALICE}, {events}, {said_so}") == []


def test_events_may_come_after_now(tmp_path: Path) -> None:
    touches = "touches: [{send: hello, at: 2026-06-18 12:00}]"
    assert said(tmp_path, f"{ALICE}, events: [signed_up 3 days from now], {touches}") == []


def test_a_lapse_is_seen_at_its_instant_though_an_order_comes_later(tmp_path: Path) -> None:
    keys = {"kind": "winback", "enter": "{lapse: order, after: 30 days}"}
    events = "events: [{event: order, at: 2026-01-01 10:00}, {event: order, at: 2026-03-01 10:00}]"
    touches = "touches: [{send: hello, at: 2026-01-31 10:00}, {send: hello, at: 2026-03-31 11:00}]"
    assert said(tmp_path, f"{ALICE}, {events}, until: 2026-05-01, {touches}", **keys) == []


def test_whoever_joins_a_segment_by_what_happens_enters(tmp_path: Path) -> None:
    files = {"segments/buyers.yaml": "who: {event: order, in_last: 30 days}\n"}
    example = f"{ALICE}, events: [{{event: order, at: 2026-06-20 09:30}}], touches: [{{send: hello, at: 2026-06-20 09:30}}]"
    files[CAMPAIGN] = journey(enter="{segment: buyers}") + f"examples: [{{{example}}}]\n"
    assert tried(tmp_path, files) == []


def test_whoever_enters_by_hand_enters_at_now(tmp_path: Path) -> None:
    touches = "touches: [{send: hello, at: 2026-06-15 12:00}]"
    assert said(tmp_path, f"{ALICE}, {touches}", enter="{by_hand: true}") == []


def test_a_broadcast_comes_to_her(tmp_path: Path) -> None:
    touches = "touches: [{send: hello, at: 2026-06-20 10:00}]"
    keys = {"kind": "broadcast", "enter": "{time: 2026-06-20 10:00}"}
    assert said(tmp_path, f"{ALICE}, {touches}", **keys) == []


def test_nobody_of_an_example_is_held_out(tmp_path: Path) -> None:
    example = f"{ALICE}, {SIGNED_UP}, touches: [{{send: hello, at: 2026-06-01 09:00}}]"
    titled = [f"title: number {n}, {example}" for n in range(5)]
    assert said(tmp_path, *titled, hold_out="60 %") == []


def test_messages_of_the_past_are_told(tmp_path: Path) -> None:
    wait = "{wait_for: {message: clicked, of: {template: again}}, at_most: 1 day, then: [{send: again}]}"
    told = "messages: [clicked again 3 days ago]"
    both = "touches: [{send: hello, at: 2026-06-15 12:00}, {send: again, at: 2026-06-15 12:00}]"
    steps = f"[{{send: hello}}, {wait}]"
    example = f"{ALICE}, events: [signed_up 0 days ago], {both}"
    assert said(tmp_path, f"{example}, {told}", steps=steps) == []
    assert len(said(tmp_path, example, steps=steps)) == 1


def test_each_example_stands_alone_and_a_draft_is_played_as_if_it_were_live(tmp_path: Path) -> None:
    example = f"title: x, {ALICE}, {SIGNED_UP}, touches: [{{send: hello, at: 2026-06-01 09:00}}]"
    assert said(tmp_path, example, example, status="draft") == []


def test_nothing_leaves_and_nothing_is_written(tmp_path: Path) -> None:
    assert said(tmp_path, f"{ALICE}, {SIGNED_UP}, {BOTH_AT_TEN}", steps=TWO) == []
    assert not (tmp_path / "outbox").exists()
    assert list(tmp_path.glob("*.db")) == []


def test_whatever_provider_a_channel_has_is_not_asked(tmp_path: Path) -> None:
    files = {SETTINGS_FILE: f"{SETTINGS}channels: {{email: {{provider: smtp, host: localhost, port: 1}}}}\n"}
    example = f"{{{ALICE}, {SIGNED_UP}, touches: [{{send: hello, at: 2026-06-01 09:00}}]}}"
    assert tried(tmp_path, {**files, CAMPAIGN: journey() + f"examples: [{example}]\n"}) == []


def test_a_customer_that_cannot_be_is_said(tmp_path: Path) -> None:
    assert said(tmp_path, "customer: {email: nobody}, touches: []") == [
        "1: example of campaign c: can't be tried: email: must be a mail address"
    ]


def test_faults_of_examples_are_said_with_the_others(tmp_path: Path) -> None:
    examples = (
        "{}",
        "{touches: [{send: helo, at: 2026-06-01 09:00}]}",
        "{touches: [{send: hello, at: 2026-06-01}], until: soon}",
        "{touches: [{at: 2026-06-01 09:00, snd: hello}], member: true}",
        "{left: exit, until: 2026-06-01 09:00, events: [ordr 3 days ago]}",
    )
    text = journey() + "examples:\n" + "".join(f"  - {one}\n" for one in examples)
    assert said_of(tmp_path, CAMPAIGN, text) == [
        "7: an example needs 'touches' (perhaps none: []), 'left', or both",
        "8: no step called 'helo' sends anything here; did you mean 'hello'?",
        "9: at: '2026-06-01' must be a date with a time, e.g. 2026-06-15 12:00",
        "9: until: 'soon' must be a date, e.g. 2026-07-31",
        "10: a touch has no 'snd'; did you mean 'send'?",
        "10: a touch needs 'send'",
        "10: an example has no 'member'; known are: customer, events, left, messages, now, scores, title, touches, until",
        "11: event 'ordr' is not known in config/vocabulary.yaml; did you mean 'order'?",
        "11: until: '2026-06-01 09:00' must be a date, e.g. 2026-07-31",
    ]


def test_an_example_is_about_one_customer_of_a_shop_that_goes_on(tmp_path: Path) -> None:
    fresh = VOCABULARY.replace("order: {happens: repeatedly,", "order: {happens: repeatedly, fresh: 1 day,")
    example = f"{ALICE}, events: [{{event: order, at: 2026-06-01 09:00}}], touches: [{{send: hello, at: 2026-06-11 09:00}}]"
    text = journey(kind="winback", enter="{lapse: order, after: 10 days}") + f"examples: [{{{example}}}]\n"
    assert tried(tmp_path, {CAMPAIGN: text, VOCABULARY_FILE: fresh}) == []
