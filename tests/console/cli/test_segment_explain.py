"""`rapport segment explain`: what a segment says and does, and with --customer why somebody is in it or not."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from crm_store.schema import customer
from tests.console.cli.command import Rapport
from tests.world import NOON, Shop

ANYBODY = """\
all:
  - segment: buyers
  - any:
    - {attribute: country, is: FR}
    - {attribute: birthday, is_set: true}
  - not: {attribute: points, more_than: 5}
"""


@pytest.fixture
def shop_with_anybody(small_shop: Shop) -> Shop:
    small_shop.segment("anybody", ANYBODY)
    small_shop.customer("alice", country="DE", time_zone="Pacific/Kiritimati", birthday="1990-06-20")
    small_shop.customer("bob", country="FR", attributes={"points": 5.5})
    return small_shop


def said(rapport: Rapport, *words: str) -> list[str]:
    ran = rapport("segment", "explain", *words)
    assert (ran.code, ran.err) == (0, "")
    return ran.out.splitlines()


def test_one_screen_says_it_all(rapport: Rapport, shop_with_anybody: Shop) -> None:
    first, zones, empty, *tree = said(rapport, "anybody", "--customer", "alice")
    assert first == "alice is in anybody as of 2026-06-15 12:00:00Z."
    assert zones == (
        "Dates are judged by the customer's own, 2026-06-16 in Pacific/Kiritimati; "
        "the days of events by the company's, 2026-06-15 in Europe/Berlin."
    )
    assert empty == ""
    assert [line.partition("   [")[0].rstrip() for line in tree if "order" not in line] == [
        "yes  every one of these:",
        "yes    they are in segment buyers",
        "yes    at least one of these:",
        "no       the country is 'FR'",
        "yes      the birthday is set",
        "yes    not:",
        "no       the points is more than 5",
    ]
    assert tree[2].startswith("yes      ")
    assert "[matching: 1, " in tree[2]
    assert [line for line in tree if "'FR'" in line] == ["no       the country is 'FR'   [country: DE]"]
    assert [line for line in tree if "points" in line] == ["no       the points is more than 5   [points: none]"]
    assert next(line for line in tree if "birthday" in line).endswith("birth year: 1990]")


def test_somebody_else_gets_another_answer(rapport: Rapport, shop_with_anybody: Shop) -> None:
    first, _, _, *tree = said(rapport, "anybody", "--customer", "bob")
    assert first == "bob is not in anybody as of 2026-06-15 12:00:00Z."
    assert tree[0] == "no   every one of these:"
    assert tree[-1] == "yes      the points is more than 5   [points: 5.5]"


def test_where_the_customers_zone_is_not_known_the_companys_is_named(rapport: Rapport, shop_with_anybody: Shop) -> None:
    shop_with_anybody.customer("cleo")
    assert said(rapport, "anybody", "--customer", "cleo")[1] == (
        "The customer's zone is not known: dates and the days of events are judged by the company's, "
        "2026-06-15 in Europe/Berlin."
    )
    found = rapport("segment", "explain", "anybody", "--customer", "cleo", "--json").json
    assert (found["customer_zone"], found["customer_date"]) == (None, "2026-06-15")


def test_json_has_every_value(rapport: Rapport, shop_with_anybody: Shop) -> None:
    found: dict[str, Any] = rapport("segment", "explain", "anybody", "--customer", "alice", "--json").json
    condition = found.pop("condition")
    assert found == {
        "segment": "anybody",
        "customer": "alice",
        "now": "2026-06-15T12:00:00+00:00",
        "member": True,
        "erased_at": None,
        "customer_zone": "Pacific/Kiritimati",
        "customer_date": "2026-06-16",
        "company_zone": "Europe/Berlin",
        "company_date": "2026-06-15",
    }
    assert (condition["kind"], condition["holds"], condition["values"]) == ("all", True, {})
    assert condition["says"].startswith("(they are in segment buyers and (")
    segment, either, other = condition["parts"]
    assert segment["parts"][0]["values"]["matching"] == 1
    assert either["parts"][0] == {
        "kind": "attribute", "says": "the country is 'FR'", "holds": False, "values": {"country": "DE"}, "parts": []
    }  # fmt: skip
    assert (other["holds"], other["parts"][0]["holds"]) == (True, False)


def test_it_is_judged_as_of_now(rapport: Rapport, shop_with_anybody: Shop) -> None:
    earlier = Rapport(rapport.monkeypatch, rapport.capsys, (*rapport.always[:-1], "2026-06-14T09:30:00Z"))
    found = earlier("segment", "explain", "anybody", "--customer", "alice", "--json").json
    assert (found["member"], found["customer_date"], found["company_date"]) == (False, "2026-06-14", "2026-06-14")


def test_who_is_erased_is_said_to_be(rapport: Rapport, shop_with_anybody: Shop) -> None:
    erase = update(customer).where(customer.c.key == "alice").values(erased_at=NOON)
    shop_with_anybody.store.write(lambda conn: conn.execute(erase))
    assert said(rapport, "anybody", "--customer", "alice") == [
        "alice is not in anybody as of 2026-06-15 12:00:00Z: erased at 2026-06-15 12:00:00Z, and in no segment since"
    ]
    found = rapport("segment", "explain", "anybody", "--customer", "alice", "--json").json
    assert (found["member"], found["erased_at"], found["condition"]) == (False, "2026-06-15T12:00:00+00:00", None)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("key", ["eve", "", "ALICE"])
def test_somebody_unknown_is_said_in_one_line(rapport: Rapport, key: str) -> None:
    ran = rapport("segment", "explain", "buyers", "--customer", key)
    assert ran.code == 2
    assert ran.error == (f"error: customer '{key}' is not in the store; keys are the company's own, as its files say them")


def test_without_a_customer_it_says_the_sentence_the_count_and_the_sql(rapport: Rapport) -> None:
    lines = said(rapport, "buyers")
    assert lines[0].startswith("Customers for whom ")
    assert lines[1] == "1 customer as of 2026-06-15 12:00:00Z (days of Europe/Berlin)."
    assert lines[3].startswith("SELECT customer.id")
    assert rapport("segment", "explain", "buyers", "--json").json["customers"] == 1
