"""rapport campaign show: the journey as a tree, and where its customers are."""

from __future__ import annotations

from tests.console.cli.command import Rapport
from tests.journeys.files import journey
from tests.world import NOON, SETTINGS, Shop

STEPS = """[
  {send: hello},
  {branch: [{when: {attribute: country, is: DE}, then: [{wait: 1 day}, {send: again}]}, {otherwise: [{exit: abroad}]}]},
  {wait: 2 days, name: rest}]"""
TREE = """\
c: 2 in, 0 finished, 1 left (0 of all held out)
├── hello: send hello
├── branch before again: one of 2 ways
│   ├── when the country is 'DE'
│   │   ├── wait before again: wait 1 day  [2 here]
│   │   └── again: send again
│   └── otherwise
│       └── exit at end: leave: abroad
└── rest: wait 2 days
"""


def fill(shop: Shop, steps: str = STEPS, **keys: str | None) -> None:
    shop.campaign("c", journey(steps=steps, **keys))
    shop.publish()
    for key, country in (("anna", "DE"), ("bea", "DE"), ("cora", "FR")):
        shop.customer(key, country=country)
        shop.event(key, "signed_up", NOON)
    shop.tick()


def test_the_journey_is_a_tree_with_how_many_are_where(rapport: Rapport, small_shop: Shop) -> None:
    fill(small_shop)
    assert rapport("campaign", "show", "c").out.partition("\n\n")[2] == TREE
    shown = rapport("campaign", "show", "c", "--json").json
    assert shown["enrolments"] == {"in": 2, "finished": 0, "left": 1, "held_out": 0}
    arm = shown["journey"][1]["arms"][0]
    assert (arm["arm"], arm["steps"][0]["here"]) == ("when the country is 'DE'", 2)


def test_those_at_a_step_of_an_older_version_are_shown(rapport: Rapport, small_shop: Shop) -> None:
    fill(small_shop)
    small_shop.campaign("c", journey(steps="[{send: hello}]"))
    assert "wait before again: of an older version  [2 here]" in rapport("campaign", "show", "c").out


def test_goal_hold_outs_and_purpose_are_said(rapport: Rapport, small_shop: Shop) -> None:
    small_shop.write({"config/rapport.yaml": f"{SETTINGS}hold_out: 2 %\n"})
    fill(small_shop, hold_out="99.99 %", goal="{event: order, within: 5 days, value: amount}")
    shown = rapport("campaign", "show", "c", "--json").json
    assert shown["goal"] == "the event 'order' within 5 days of entry, worth its amount"
    assert shown["held out"] == "99.99 %, and 2 % of all customers in every campaign"
    assert shown["enrolments"]["held_out"] == 3
    small_shop.campaign("c", journey(purpose="service", basis="the contract", topic=None))
    shown = rapport("campaign", "show", "c", "--json").json
    assert (shown["purpose"], shown["held out"]) == ("service, basis: the contract", "nobody: it is service")
    assert shown["audience"] == "everybody"


def test_what_a_file_says_for_people_and_what_it_does_not_say_is_shown(rapport: Rapport, small_shop: Shop) -> None:
    shown = rapport("campaign", "show", "welcome", "--json").json
    assert (shown["title"], shown["owner"], shown["entered by"]) == ("Welcome", "mia", "the event 'order'")
    assert shown["changes"] == "those under way stay in the version they entered with (pin)"
    small_shop.campaign("c", journey(changes="follow", steps="[{update: {stage: lapsed}}]"))
    shown = rapport("campaign", "show", "c", "--json").json
    assert (shown["title"], shown["owner"]) == ("c", None)
    assert shown["changes"] == "those under way go over to the new version (follow)"
    assert shown["entered by"] == "the event 'signed up' (first steps at once, with the event)"
    assert (shown["hours"], shown["pace"]) == ("any time", "any")
    assert shown["shared address"] == "one mail for each step and occasion"
    small_shop.campaign("c", journey(hours="09:00-20:00", days="[mon]", pace="5 per 1 hour", one_per_address="false"))
    shown = rapport("campaign", "show", "c", "--json").json
    assert (shown["hours"], shown["pace"]) == ("09:00-20:00 on mon", "5 per 1 hour, all customers together")
    assert shown["shared address"] == "a mail for each customer"


def test_a_run_that_is_not_there_or_another_campaigns_is_hinted_at(rapport: Rapport, small_shop: Shop) -> None:
    fill(small_shop)
    for of, hint in (
        ("{run: 99}", "there is no run 99, so nobody was written to in it; `rapport runs` lists them"),
        ("{run: [1], campaign: d}", "run 1 is of campaign 'c', not of d: nobody is in it"),
        ("{run: 1, campaign: c}", None),
    ):
        small_shop.campaign("d", journey(audience=f"{{not: {{message: sent, of: {of}}}}}"))
        small_shop.segment("told", f"message: sent\nof: {of}")
        assert rapport("campaign", "show", "d").err == (f"hint: audience: {hint}\n" if hint else "")
        assert rapport("segment", "count", "told").err == (f"hint: segment 'told': {hint}\n" if hint else "")
