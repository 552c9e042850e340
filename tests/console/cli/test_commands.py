"""Every command that needs no Prefect works on a small workspace, on both databases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.console.cli.command import Rapport, leaves
from tests.ledger.rows import claim_all, run_out_leases
from tests.world import Shop

NEED_PREFECT = {"run", "up", "demo", "campaign run"}
# segment diff: test_segment_diff.py; follow-up done: test_follow_ups.py
SHOWN_ELSEWHERE = {"import complete-journey", "init", "segment diff", "follow-up done"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    customers: list[dict[str, object]] = [
        {"key": "carol", "email": "carol@example.com"},
        {"key": "dan"},
        {"email": "no key"},
    ]
    events: list[dict[str, object]] = [{"customer": "carol", "event": "order", "at": "2026-06-01T10:00:00Z", "amount": 5}]
    products: list[dict[str, object]] = [{"key": "beans", "title": "Beans"}]
    for name, records in {"customers": customers, "events": events, "products": products}.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (tmp_path / "people.csv").write_text("number,mail\n7,seven@example.com\n")
    (tmp_path / "visitors.csv").write_text("name,seats\nalice,2\n")
    return tmp_path


# What each says, in part. Order matters: later ones find what earlier ones left.
WORKS = {
    "check": ("check", "1 segments, 1 campaigns, 1 examples: all fine"),
    "segment list": ("segment list", "Who has ever bought?"),
    "segment show": ("segment show buyers", "Customers for whom"),
    "segment count": ("segment count buyers", "1"),
    "segment members": ("segment members buyers --limit 5", "alice"),
    "segment sql": ("segment sql buyers --among", "SELECT customer.id"),
    "segment explain": ("segment explain buyers", "1 customer as of 2026-06-15 12:00:00Z (days of Europe/Berlin)."),
    "campaign list": ("campaign list", "welcome"),
    "campaign words": ("campaign words", "wait_for"),
    "campaign show": ("campaign show welcome", "├── gift: send gift with offer gift"),
    "preview": ("preview welcome --customer alice", "SAMPLE"),
    "apply": ("apply", "published: campaign welcome"),
    "campaign explain": ("campaign explain welcome --customer alice", "nothing stops her"),
    "campaign results": ("campaign results welcome --by week", "What came of welcome: mails: none"),
    "caps": ("caps", "Lost to caps in 7 days: none"),
    "touches": ("touches --state due --campaign welcome --customer alice", "Touches: none"),
    "customer show": ("customer show alice", "alice@example.com"),
    "vocabulary suggest": ("vocabulary suggest", "# the vocabulary names everything that the store holds"),
    "store upgrade": ("store upgrade", "already"),
    "import customers": ("import customers customers.jsonl", "set aside 1: key"),
    "import events": ("import events events.jsonl --source till", "new  "),
    "import products": ("import products products.jsonl --dry-run", "new  "),
    "schema": ("schema segment", '"$schema"'),
    "segment kinds": ("segment kinds", "sequence: events that follow each other"),
    "follow-up list": ("follow-up list", "Tasks: none"),
    "follow-up export": ("follow-up export tasks.csv", "0 tasks"),
    "import list": ("import list fair visitors.csv --map key=name", "list  fair"),
}


IN_TESTS_OF_THEIR_OWN = {
    "campaign enrol",
    "campaign pause",
    "campaign resume",
    "campaign stop",
    "customer pause",
    "customer resume",
    "runs",
    "report",
    "log",
    "settle",
    "touches show",
    "import provider-events",
    "store backup",
    "store restore",
}


def test_every_command_is_shown_to_work_somewhere() -> None:
    assert {name for name, _ in leaves()} == {*WORKS, *NEED_PREFECT, *SHOWN_ELSEWHERE, *IN_TESTS_OF_THEIR_OWN}


def test_every_command_works(rapport: Rapport, files: Path) -> None:
    for name, (words, said) in WORKS.items():
        ran = rapport(*words.split())
        assert (ran.code, ran.err) == (0, ""), name
        assert said in ran.out, name


AS_JSON = {
    "caps": "caps",
    "segment list": "segment list",
    "segment show": "segment show buyers",
    "segment count": "segment count buyers",
    "segment members": "segment members buyers",
    "segment explain": "segment explain buyers",
    "segment kinds": "segment kinds",
    "apply": "apply --dry-run",
    "campaign list": "campaign list",
    "campaign words": "campaign words",
    "campaign show": "campaign show welcome",
    "campaign explain": "campaign explain welcome --customer alice",
    "campaign results": "campaign results welcome",
    "touches": "touches",
    "customer show": "customer show alice",
    "follow-up list": "follow-up list",
    "import customers": "import customers customers.jsonl",
    "import events": "import events events.jsonl",
    "import products": "import products products.jsonl",
    "import list": "import list fair visitors.csv --map key=name",
    "campaign run": "campaign run welcome --dry-run",
}


def test_every_command_with_json_is_tried() -> None:
    with_json = {name for name, one in leaves() if any("--json" in parameter.opts for parameter in one.params)}
    elsewhere = {
        "run",
        "campaign enrol",
        "segment diff",
        "settle",
        "touches show",
        "import provider-events",
        "campaign stop",
        "runs",
        "report",
        "log",
    }  # in tests of their own
    assert with_json == {*AS_JSON, *elsewhere}


def test_json_is_json_and_nothing_else(rapport: Rapport, files: Path) -> None:
    rapport("apply")  # what was never published has no results
    for name, words in AS_JSON.items():
        ran = rapport(*words.split(), "--json")
        assert (ran.code, ran.err) == (0, ""), name
        assert isinstance(ran.json, dict | list), name


def test_json_has_every_value_and_exact_instants(rapport: Rapport, small_shop: Shop) -> None:
    small_shop.publish()
    small_shop.tick()
    (touch,) = rapport("touches", "--json").json
    assert {name: touch[name] for name in ("customer", "campaign", "step", "state", "occasion")} == {
        "customer": "alice", "campaign": "welcome", "step": "gift", "state": "sent", "occasion": "once"
    }  # fmt: skip
    assert (touch["due_at"], touch["sent_at"]) == ("2026-06-15T11:00:00+00:00", "2026-06-15T12:00:00+00:00")
    assert touch["verdicts"].count("=pass") == touch["verdicts"].count("=")
    assert len(touch["offer"]) == 11


@pytest.mark.parametrize("words", ["campaign words", "segment kinds"])
def test_lists_of_words_are_printed_as_a_page_has_them(nowhere: Rapport, words: str) -> None:
    assert nowhere(*words.split(), "--markdown").out.startswith("<!-- made by `rapport ")
    assert not nowhere(*words.split()).out.startswith("<!--")


def test_counts_and_members_agree(rapport: Rapport) -> None:
    assert rapport("segment", "count", "buyers").out == "1\n"
    assert rapport("segment", "count", "buyers", "--json").json["customers"] == 1
    assert rapport("segment", "members", "buyers").out == "alice\n"
    assert rapport("segment", "members", "buyers", "--json").json == [{"key": "alice"}]


def test_a_customer_is_shown_with_all_that_happened(rapport: Rapport, small_shop: Shop) -> None:
    small_shop.publish()
    small_shop.tick()
    found = rapport("customer", "show", "alice", "--json").json
    assert set(found) == {"details", "consents", "pauses", "events", "enrolments", "touches", "changes"}
    assert [(one["kind"], one["count"], one["amount"]) for one in found["events"]] == [("order", 1, "49.90")]
    assert "welcome" in rapport("customer", "show", "alice").out


def test_facts_after_now_do_not_show(rapport: Rapport) -> None:
    earlier = Rapport(rapport.monkeypatch, rapport.capsys, (*rapport.always[:-1], "2026-06-01T00:00:00Z"))
    assert earlier("customer", "show", "alice", "--json").json["events"] == []
    assert earlier("segment", "count", "buyers").out == "0\n"


def test_applying_says_what_changed_and_a_second_time_that_nothing_has(rapport: Rapport) -> None:
    dry = rapport("apply", "--dry-run").out.splitlines()
    assert dry == [line.replace("published", "would be published") for line in rapport("apply").out.splitlines()]
    assert "would be published: segment buyers" in dry
    assert rapport("apply").out == "nothing has changed since it was published\n"
    assert rapport("apply", "--dry-run").out == "nothing has changed since it was published\n"


def test_a_campaigns_sum_is_in_the_list(rapport: Rapport, small_shop: Shop) -> None:
    assert rapport("campaign", "list", "--json").json[0]["eligible"] == 0
    small_shop.publish()
    small_shop.tick()
    (row,) = rapport("campaign", "list", "--json").json
    assert (row["eligible"], row["sent"], row["due"], row["sum_law"]) == (1, 1, 0, True)


def test_a_campaign_is_shown_with_its_defaults_and_its_occasion_key(rapport: Rapport) -> None:
    shown = rapport("campaign", "show", "welcome", "--json").json
    assert shown["late"] == "more than 12 hours after the instant due: skipped"
    assert (shown["occasion key"], shown["status"]) == ("once", "live (when ended: finish)")
    assert shown["offer gift"] == "15%, a unique code for each enrolment, valid 3 days"
    assert (shown["purpose"], shown["goal"], shown["held out"]) == ("marketing, topic offers", "none", "0 %")
    assert [step["step"] for step in shown["journey"]] == ["gift", "wait before hello", "hello"]


BIRTHDAY = """\
kind: occasion
topic: offers
enter: {date: 3 days before birthday}
late: {within: 2 days, otherwise: ask}
offers: {gift: {discount: 5 EUR, code: unique, valid: until 14 days after birthday}}
steps:
  - {send: gift, offer: gift}
  - wait: {for: 1 day, at: "09:00", days: [mon, fri]}
  - send: hello
  - wait: {until: 10 days after birthday, if_past: exit}
  - send: again
"""


def test_a_campaign_is_shown_with_everything_it_says_in_words(rapport: Rapport, small_shop: Shop) -> None:
    small_shop.campaign("birthday", BIRTHDAY)
    shown = rapport("campaign", "show", "birthday", "--json").json
    assert shown["late"] == "more than 2 days after the instant due: held until a person accepts it"
    assert shown["again"] == "per year"
    assert shown["offer gift"] == "€5.00, a unique code for each enrolment, valid until 14 days after birthday"
    said = {step["step"]: step["says"] for step in shown["journey"]}
    assert said["wait before hello"] == "wait 1 day, on mon or fri, at 09:00 of the customer's local time"
    assert said["wait before again"].startswith("wait until 10 days after birthday, at 09:00")
    assert said["wait before again"].endswith("if that is past: exit")


def test_campaigns_without_touches_have_noughts_and_touches_on_their_way_a_column(
    rapport: Rapport, small_shop: Shop
) -> None:
    small_shop.campaign("birthday", BIRTHDAY)
    assert [line.split()[4:] for line in rapport("campaign", "list").out.splitlines() if "offers" in line] == [
        ["0"] * 7,
        ["0"] * 7,
    ]
    small_shop.publish()
    small_shop.plan()
    claimed = claim_all(small_shop, campaign="welcome")
    assert rapport("touches").err == (
        "alert: touches of welcome are in the hands of a delivery: 1 claimed; if it was killed, "
        f"`rapport run` goes on with them after {claimed.lease_until:%H:%M:%S} UTC\n"
    )
    run_out_leases(small_shop)
    assert "goes on with them now: its lease is over" in rapport("touches", "--state", "claimed").err
    assert rapport("touches", "--state", "due").err == ""
    lines = [line.split() for line in rapport("campaign", "list").out.splitlines()]
    (head,) = [words for words in lines if "eligible" in words]
    birthday, welcome = [words for words in lines if "offers" in words]
    assert head[4:7] == ["eligible", "due", "claimed"]
    assert (birthday[4:7], welcome[4:7]) == (["0", "0", "0"], ["1", "0", "1"])


def test_a_preview_shows_headers_and_text_or_html(rapport: Rapport) -> None:
    text = rapport("preview", "welcome", "gift", "--customer", "alice").out
    assert text.startswith("Status: SAMPLE")
    assert "Your code: SAMPL-EC0DE" in text
    assert "<p>Your code: SAMPL-EC0DE</p>" in rapport("preview", "welcome", "gift", "--customer", "alice", "--html").out


def test_examples_that_fail_are_said_with_their_line(rapport: Rapport, small_shop: Shop) -> None:
    small_shop.write({"segments/buyers.yaml": "who: {event: order}\nexamples:\n  - {title: nobody, member: true}\n"})
    ran = rapport("check")
    assert ran.error == (
        "error: segments/buyers.yaml:3: example 'nobody' of segment buyers: the customer is not a member, but should be"
    )


def test_words_that_the_vocabulary_lacks_are_suggested(rapport: Rapport, small_shop: Shop) -> None:
    small_shop.write({"config/vocabulary.yaml": "topics: {offers: {}}\ncurrencies: [EUR]\n"})
    said = rapport("vocabulary", "suggest").out
    assert "events:\n  order: {happens: repeatedly, amount: yes}\n" in said
    assert "topics:\n  news: {}\n" in said


def test_a_map_renames_columns(rapport: Rapport, files: Path) -> None:
    ran = rapport("import", "customers", "people.csv", "--map", "key=number", "--map", "email=mail")
    assert ran.code == 0
    assert rapport("customer", "show", "7", "--json").json["details"]["email"] == "seven@example.com"


def test_a_dry_import_leaves_nothing(rapport: Rapport, files: Path) -> None:
    assert rapport("import", "customers", "customers.jsonl", "--dry-run", "--json").json["dry run"] is True
    assert rapport("customer", "show", "carol").code == 2


def test_what_is_set_aside_can_be_offered_again(rapport: Rapport, files: Path, small_shop: Shop) -> None:
    first = rapport("import", "events", "events.jsonl", "--json").json
    assert (first["new"], first["set aside"]) == (0, 1)
    rejects = first["rejects file"]
    assert Path(rejects).parent == small_shop.root / "rejects"
    rapport("import", "customers", "customers.jsonl")
    again = rapport("import", "events", rejects, "--json").json
    assert (again["new"], again["set aside"]) == (1, 0)
