"""The examples of a segment are run: through the real intake and compiler, on a store of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.content.checking import SETTINGS_FILE, VOCABULARY_FILE, checked, faults_of, tried
from tests.world import SETTINGS, VOCABULARY

FILE = "segments/x.yaml"


def examples(who: str, *lines: str) -> dict[str, str]:
    """A segment file with these examples; the first stands in line 4."""
    return {FILE: f"title: A segment\nwho: {{{who}}}\nexamples:\n" + "".join(f"  - {{{line}}}\n" for line in lines)}


def said(root: Path, who: str, *lines: str) -> list[str]:
    """What is said of these examples, each with its line."""
    return [fault.removeprefix(f"{FILE}:") for fault in tried(root, examples(who, *lines))]


IS_NOT = "example of segment x: the customer is not a member, but should be"
IS = "example of segment x: the customer is a member, but should not be"


def test_right_examples_say_nothing(tmp_path: Path) -> None:
    lines = ("customer: {country: DE}, member: true", "customer: {country: FR}, member: no", "member: false")
    assert said(tmp_path, "attribute: country, is: DE", *lines) == []


def test_wrong_examples_say_what_is_wrong_with_file_and_line(tmp_path: Path) -> None:
    lines = (
        "customer: {country: FR}, member: true",
        "customer: {country: DE}, member: true",
        "title: a German, customer: {country: DE}, member: false",
    )
    assert said(tmp_path, "attribute: country, is: DE", *lines) == [
        f"4: {IS_NOT}",
        "6: example 'a German' of segment x: the customer is a member, but should not be",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        "country: NO", "region: on", "postal_code: 01067", "city: 10:00", "first_name: null", "last_name: Yes",
        "tier: gold", "interest: a/b", "address.street: 1_000", "email: a@b.example",
        "locale: en_US", "time_zone: Europe/Berlin", "stage: lapsed", "region: ''",
    ],
)  # fmt: skip
def test_texts_of_example_customers_are_as_they_are_written(tmp_path: Path, fields: str) -> None:
    name, _, value = fields.partition(": ")
    line = f"customer: {{{fields}}}, member: true"
    assert said(tmp_path, f"attribute: {name}, is: {value}", line) == []
    assert said(tmp_path, f"attribute: {name}, is_not: {value}", line) == [f"4: {IS_NOT}"]


@pytest.mark.parametrize(
    ("who", "customer"),
    [
        ("attribute: points, is: 1.5", "points: 1.5"),
        ("attribute: vip, is: true", "vip: yes"),
        ("attribute: since, is: 2026-06-15", "since: 2026-06-15"),
        ("attribute: seen, is: 2026-06-15", "seen: 2026-06-15 00:30"),  # the company's local time
        ("attribute: joined_on, during: today", "joined_on: 2026-06-15"),
        ("attribute: birthday, anniversary: {during: today}", "birthday: --06-15"),
        ("attribute: age, is: 33", "birthday: 1992-07-01"),
        ("attribute: latitude, at_least: 52.5", "latitude: 52.52, longitude: 13.4"),
        ("reachable: {channel: email, topic: news}", "email: a@b.example, consents: [{channel: email, topic: news}]"),
    ],
)
def test_other_values_are_typed_by_the_vocabulary(tmp_path: Path, who: str, customer: str) -> None:
    assert said(tmp_path, who, f"customer: {{{customer}}}, member: true", "member: true") == [f"5: {IS_NOT}"]


@pytest.mark.parametrize(
    ("consents", "member"),
    [
        ("[{channel: email, topic: news}]", "true"),
        ("[{channel: email, topic: news, at: 2026-06-15}]", "true"),
        ("[{channel: email, topic: news, at: 2026-06-16}]", "false"),
        ("[{channel: email, topic: news}, {channel: email, topic: news, state: withdrawn, at: 2026-01-01}]", "false"),
        ("[{channel: email, topic: offers}]", "false"),
        ("[{channel: email, topic: news, state: pending}]", "false"),
    ],
)
def test_consents_of_example_customers_are_given_long_ago_unless_said(tmp_path: Path, consents: str, member: str) -> None:
    line = f"customer: {{email: a@b.example, consents: {consents}}}, member: {member}"
    assert said(tmp_path, "reachable: {channel: email, topic: news}", line) == []


@pytest.mark.parametrize(
    ("who", "event"),
    [
        ("event: order, in_last: 3 days", "order 3 days ago"),
        ("event: order, before: 3 days ago", "order 4 days ago"),
        ("event: order, is: 2026-06-01", "{event: order, at: 2026-06-01}"),
        ("event: order, is: 2026-06-01", "{event: order, at: 2026-06-01 23:59}"),
        ("event: order, where: {amount: {is: 10.50 EUR}}", "{event: order, at: 1 day ago, amount: 10.50}"),
        ("event: order, where: {size: {is: 2}}", "{event: order, at: 1 day ago, size: 2}"),
        ("event: order, where: {store: {is: NO}}", "{event: order, at: 1 day ago, store: NO}"),
        ("event: order, where: {gift: {is: true}}", "{event: order, at: 1 day ago, gift: yes}"),
        ("event: order, items: {product: {is: 01067}}", "{event: order, at: 1 day ago, items: [{product: 01067}]}"),
        ("event: order, items: {category: {under: a}, brand: {is: b}, quantity: {is: 2}, amount: {is: 5 EUR}}",
         "{event: order, at: 1 day ago, items: [{product: p, category: a/b, brand: b, quantity: 2, amount: 5.00}]}"),
    ],
)  # fmt: skip
def test_events_of_examples_are_as_said(tmp_path: Path, who: str, event: str) -> None:
    lines = (f"events: [{event}], member: true", "events: [signed_up 1 day ago], member: true")
    assert said(tmp_path, who, *lines) == [f"5: {IS_NOT}"]


def test_amounts_in_another_currency_are_other_amounts(tmp_path: Path) -> None:
    line = "events: [{event: order, at: 1 day ago, amount: 10, currency: USD}], member: true"
    assert said(tmp_path, "event: order, where: {amount: {is: 10 EUR}}", line) == [f"4: {IS_NOT}"]


def test_an_event_from_now_on_does_not_count(tmp_path: Path) -> None:
    line = "events: [{event: order, at: 1 day from now}], member: true"
    assert said(tmp_path, "event: order", line) == [f"4: {IS_NOT}"]


def test_two_alike_events_are_two(tmp_path: Path) -> None:
    line = "events: [order 1 day ago, order 1 day ago], member: true"
    assert said(tmp_path, "event: order, count: {is: 2}", line) == []


@pytest.mark.parametrize(("now", "member"), [("", "true"), ("now: 2026-06-16 00:00, ", "false")])
def test_now_is_noon_of_a_monday_in_june_unless_said(tmp_path: Path, now: str, member: str) -> None:
    line = f"{now}customer: {{joined_on: 2026-06-15}}, member: {member}"
    assert said(tmp_path, "attribute: joined_on, during: today", line) == []


def test_now_is_the_companys_local_time(tmp_path: Path) -> None:
    line = "now: 2026-06-15 23:30, events: [{event: order, at: 2026-06-15 23:30}], member: true"
    far_west = SETTINGS.replace("Europe/Berlin", "Pacific/Pago_Pago")
    assert tried(tmp_path, {SETTINGS_FILE: far_west, **examples("event: order, during: today", line)}) == []


@pytest.mark.parametrize(
    ("customer", "why"),
    [
        ("email: nobody", "email: must be a mail address"),
        ("birthday: 1992-02-30", "birthday: is not a day of the calendar"),
        ("country: Germany", "country: must be a country's two letters, e.g. DE"),
        ("stage: new", "stage: must be one of identified, acquired, nurtured, retained, advocate, lapsed"),
        ("latitude: 91", "latitude: must lie between -90 and 90"),
        ("since: soon", "attributes.since: must be a date, e.g. 2026-01-31"),
        ("seen: 10:00", "attributes.seen: must be a date and time, e.g. 2026-01-31T09:00:00Z"),
    ],
)
def test_a_customer_that_cannot_be_is_said_once_and_hurts_no_other(tmp_path: Path, customer: str, why: str) -> None:
    lines = (f"customer: {{{customer}}}, member: true", "customer: {country: FR}, member: true")
    assert said(tmp_path, "attribute: country, is: DE", *lines) == [
        f"4: the example can't be tried: {why}",
        f"5: {IS_NOT}",
    ]


def test_an_event_that_cannot_be_is_said_once_too(tmp_path: Path) -> None:
    lines = ("events: [{event: order, at: 1 day ago, amount: 1.001}], member: true", "member: true")
    assert said(tmp_path, "event: order", *lines) == [
        "4: the example can't be tried: amount: amount has more digits than EUR has",
        f"5: {IS_NOT}",
    ]


def test_examples_of_segments_that_refer_to_others(tmp_path: Path) -> None:
    files = {**examples("not: {segment: germans}", "customer: {country: DE}, member: true", "member: true")}
    files["segments/germans.yaml"] = "who: {attribute: country, is: DE}\nexamples: [{member: true}]\n"
    assert tried(tmp_path, files) == [
        "segments/germans.yaml:2: example of segment germans: the customer is not a member, but should be",
        f"{FILE}:4: {IS_NOT}",
    ]


def test_each_example_stands_alone(tmp_path: Path) -> None:
    lines = [f"events: [order {n} days ago], member: true" for n in range(1, 6)]
    assert said(tmp_path, "event: order, count: {is: 1}", *lines) == []


def test_how_many_were_tried_is_counted(tmp_path: Path) -> None:
    from crm_store.segmentation.trying import try_examples

    content = checked(tmp_path, examples("event: order", "member: false", "member: false"))
    workspace = content.workspace
    assert try_examples(content.segments, workspace.settings, workspace.vocabulary).count == 2


def test_the_starters_examples_hold(tmp_path: Path) -> None:
    from crm_store.content.workspace import load_workspace
    from crm_store.segmentation.trying import try_examples
    from outreach.publishing import check

    root = Path(__file__).parents[2]
    content = check(load_workspace(root))
    found = try_examples(content.segments, content.workspace.settings, content.workspace.vocabulary)
    assert (found.count > 0, list(found.failures)) == (True, [])


def test_a_file_with_faults_is_not_tried(tmp_path: Path) -> None:
    assert faults_of(tmp_path, examples("event: ordr", "member: true")) == [
        f"{FILE}:2: event 'ordr' is not known in config/vocabulary.yaml; did you mean 'order'?"
    ]


MESSAGES = {
    "message: opened, of: {template: hello}": [
        ("messages: [opened hello 3 days ago], member: true"),
        ("messages: [opened again 3 days ago], member: false"),
        ("messages: [sent hello 3 days ago], member: false"),
        ("messages: [{message: opened, template: hello, at: 3 days ago, by: machine}], member: false"),
    ],
    "message: opened, in_last: 2 days": [
        ("messages: [opened hello 2 days ago], member: true"),
        ("messages: [opened hello 3 days ago], member: false"),
        ("now: 2026-01-10 12:00, messages: [{message: opened, at: 2026-01-09}], member: true"),
    ],
    "message: clicked, link: {contains: /tea}, of: {topic: offers, variant: b}": [
        ("messages: [{message: clicked, at: 1 day ago, topic: offers, variant: b, link: /tea/1}], member: true"),
        ("messages: [{message: clicked, at: 1 day ago, topic: offers, variant: b, link: /milk}], member: false"),
        ("messages: [{message: clicked, at: 1 day ago, topic: news, variant: b, link: /tea/1}], member: false"),
        ("messages: [{message: clicked, at: 1 day ago, topic: offers, link: /tea/1}], member: false"),
    ],
    "message: sent, count: {at_least: 2}, of: {campaign: c, step: hello, channel: email}": [
        ("messages: [{message: sent, at: 1 day ago, campaign: c, step: hello}, "
         "{message: opened, at: 2 days ago, campaign: c, step: hello, channel: email}], member: true"),
        ("messages: [{message: sent, at: 1 day ago, campaign: c, step: hello}, "
         "{message: failed, at: 2 days ago, campaign: c, step: hello}], member: false"),
    ],
    "message: skipped": [
        "messages: [skipped hello 1 day ago], member: true",
        "messages: [sent hello 1 day ago], member: no",
    ],
    "campaign: any": ["messages: [sent hello 1 day ago], member: false"],
    "score: churn, at_least: 0.5": ["scores: {churn: 0.5}, member: true", "scores: {churn: 0.4}, member: no", "member: no"],
}  # fmt: skip


@pytest.mark.parametrize("who", MESSAGES)
def test_examples_can_have_messages_and_scores(tmp_path: Path, who: str) -> None:
    campaign = "kind: nurture\ntopic: offers\nenter: {event: signed_up}\nsteps: [{send: hello}]\n"
    words = f"{VOCABULARY}scores: {{churn: {{}}}}\n"
    files = {**examples(who, *MESSAGES[who]), "config/campaigns/c.yaml": campaign, VOCABULARY_FILE: words}
    assert tried(tmp_path, files) == []


def test_messages_and_scores_that_can_not_be_are_faults(tmp_path: Path) -> None:
    lines = (
        "messages: [opend hello 3 days ago, opened helo 3 days ago, soon], member: true",
        "messages: [{message: open, at: x, template: y, by: robot, lnk: z}], member: true",
        "scores: {chrn: 1}, member: true",
        "scores: [1], member: true",
    )
    found = [fault.removeprefix(f"{FILE}:") for fault in faults_of(tmp_path, examples("event: order", *lines))]
    facts = "sent, delivered, opened, clicked, bounced, complained, unsubscribed, skipped, failed"
    assert found == [
        "4: 'opend' is not one of " + facts + "; did you mean 'opened'?",
        "4: 'soon' is not a message; write e.g. 'opened newsletter 3 days ago'",
        "4: template 'helo' is in no file of this workspace; did you mean 'hello'?",
        "5: a message has no 'lnk'; did you mean 'link'?",
        "5: at: 'x' is not a moment known here; write a date or '5 days ago'",
        "5: by: 'robot' is not one of human, machine, unknown",
        "5: message: 'open' is not one of " + facts + "; did you mean 'opened'?",
        "5: template 'y' is in no file of this workspace; known are: again, gift, hello",
        "6: score 'chrn' is not known in config/vocabulary.yaml; there are none yet",
        "7: 'scores' must be a mapping of scores, e.g. {churn: 0.7}",
    ]
