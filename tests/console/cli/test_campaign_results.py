"""rapport campaign results and explain: what people and programs read."""

from __future__ import annotations

from crm_store.schema import request
from tests.console.cli.command import Rapport
from tests.console.cli.test_campaign_show import fill
from tests.journeys.files import journey
from tests.ledger.rows import change
from tests.world import NOON, WITHDRAWN, Shop


def enrol(shop: Shop) -> None:
    """Anna and Bea in Germany, Cora in France; Anna orders."""
    shop.event("anna", "order", NOON, amount="12.50")
    fill(shop, "[{send: hello}]", goal="{event: order, within: 5 days, value: amount}")


def test_counts_have_their_share_and_amounts_their_currency(rapport: Rapport, small_shop: Shop) -> None:
    small_shop.customer("anna")
    enrol(small_shop)
    said = " ".join(rapport("campaign", "results", "c", "--by", "country").out.split())
    assert "country sent delivered opened clicked bounced complained unsubscribed" in said
    assert "DE 2 not known not known" in said
    assert "outbox took these mails, and never tells what became of them" in said
    assert [row["delivered"] for row in rapport("campaign", "results", "c", "--json").json] == [None]
    change(small_shop, request, {"provider": "sendgrid"})
    said = " ".join(rapport("campaign", "results", "c", "--by", "country").out.split())
    assert "DE 2 0 (0.0%) 0 0 0 (0.0%) 0 0" in said
    assert "country entered goal revenue" in said
    assert "DE 2 1 (50.0%) 12.50 EUR" in said
    assert "held" not in said


def test_programs_get_the_rates_and_the_hold_out_too(rapport: Rapport, small_shop: Shop) -> None:
    small_shop.customer("anna")
    enrol(small_shop)
    (row,) = rapport("campaign", "results", "c", "--json").json
    assert (row["entered"], row["sent"], row["goal"], row["goal_rate"]) == (3, 3, 1, 1 / 3)
    assert row["revenue"] == {"EUR": "12.50"}
    assert row["rates"]["opened"] is None
    assert row["held_out"] == {"entered": 0, "goal": 0, "goal_rate": None, "revenue": {}}
    assert [line["step"] for line in rapport("campaign", "results", "c", "--by", "step", "--json").json] == ["hello"]


def test_the_hold_out_stands_beside_where_there_is_one(rapport: Rapport, small_shop: Shop) -> None:
    fill(small_shop, "[{send: hello}]", hold_out="99.99 %", goal="{event: order, within: 5 days}")
    said = " ".join(rapport("campaign", "results", "c").out.split())
    assert "entered goal revenue held out: entered held out: goal held out: revenue" in said
    assert "0 0 0 3 0 (0.0%) 0" in said


def test_a_campaign_without_a_goal_says_so_instead_of_zeros(rapport: Rapport, small_shop: Shop) -> None:
    fill(small_shop)
    said = rapport("campaign", "results", "c").out
    assert "What came of c: it has no goal; with e.g. `goal:" in said
    assert "revenue" not in said


def test_what_is_asked_wrongly_is_said(rapport: Rapport, small_shop: Shop) -> None:
    fill(small_shop)
    assert "--by stepp is not known; did you mean 'step'?" in rapport("campaign", "results", "c", "--by", "stepp").err
    assert (
        "campaign 'd' is neither published nor in config/campaigns; known are: c" in rapport("campaign", "results", "d").err
    )
    assert "'nobody' is not in the store" in rapport("campaign", "explain", "c", "--customer", "nobody").err
    said = rapport("campaign", "explain", "c", "--customer", "anna", "--at", "noon").err
    assert "--at 'noon' is not a date and time" in said


def test_the_first_that_stopped_her_is_named(rapport: Rapport, small_shop: Shop) -> None:
    fill(small_shop, audience="{any: [{attribute: country, is: DE}, {event: order}]}")
    small_shop.customer("anna", consents=WITHDRAWN)
    said = rapport("campaign", "explain", "c", "--customer", "cora").out.splitlines()
    assert said[0] == "cora and c as of 2026-06-15 12:00:00Z:"
    assert said[-1].startswith("stopped by audience: ")
    assert any(line.split()[:4] == ["no", "the", "country", "is"] for line in said)
    told = rapport("campaign", "explain", "c", "--customer", "anna", "--at", "2026-06-14T12:00:00Z", "--json").json
    assert (told["stopped_by"], told["at"], told["enrolments"]) == ("trigger", "2026-06-14T12:00:00+00:00", [])
    audience = next(one for one in told["checks"] if one["check"] == "audience")
    assert (audience["passes"], audience["condition"]["kind"]) == (True, "any")


def test_a_service_campaign_is_listed_by_check(rapport: Rapport, small_shop: Shop) -> None:
    small_shop.campaign("c", journey(purpose="service", basis="the contract", topic=None))
    assert "service: campaign 'c' asks for no consent (basis: the contract)" in rapport("check").out
