"""Customers from files: the exact form, what a second file changes, and what it leaves alone."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from crm_store.schema import customer, customer_change, zone
from tests.intake.desk import Desk, changes, holdings, row_counts, stored

ANN: dict[str, Any] = {
    "key": "c1",
    "email": "Ann@Example.com",
    "phone": "+49 30 123456",
    "first_name": "Ann",
    "last_name": "Lee",
    "locale": "en-US",
    "time_zone": "Europe/Berlin",
    "country": "de",
    "region": "BE",
    "city": "Berlin",
    "postal_code": "01067",
    "latitude": 52.5,
    "longitude": -13.4,
    "birthday": "1992-02-29",
    "joined_on": "2026-01-31",
    "stage": "acquired",
    "consents": [
        {"channel": "email", "topic": "offers", "state": "given", "basis": "consent", "at": "2026-01-31T09:00:00Z"}
    ],
    "attributes": {"tier": "gold", "points": 12, "vip": True, "address": {"street": "1 Road"}, "odd": [1, 2.5]},
}
READ = {
    "email": "Ann@example.com",
    "email_key": "ann@example.com",
    "phone": "+4930123456",
    "first_name": "Ann",
    "last_name": "Lee",
    "locale": "en_US",
    "time_zone": "Europe/Berlin",
    "country": "DE",
    "region": "BE",
    "city": "Berlin",
    "postal_code": "01067",
    "latitude": 52.5,
    "longitude": -13.4,
    "birth_month": 2,
    "birth_day": 29,
    "birth_year": 1992,
    "joined_on": date(2026, 1, 31),
    "stage": "acquired",
    "attributes": {"tier": "gold", "points": 12, "vip": True, "address": {"street": "1 Road"}, "odd": [1, 2.5]},
}
CELLS = {
    **{name: str(value) for name, value in ANN.items() if name not in ("consents", "attributes")},
    "consents": json.dumps(ANN["consents"]),
    "attributes": '{"odd": [1, 2.5]}',
    "attributes.tier": "gold",
    "attributes.points": "12",
    "attributes.vip": "yes",
    "attributes.address.street": "1 Road",
}


def test_every_field_of_the_exact_form_is_stored(desk: Desk) -> None:
    assert desk.take("customers", desk.json_lines([ANN]))["new"] == 1
    row = stored(desk.shop.store, "c1")
    assert {name: row[name] for name in READ} == READ
    assert holdings(desk.shop.store)["consents"] == [
        ("c1", "email", "offers", "given", "consent", datetime(2026, 1, 31, 9, tzinfo=UTC), None)
    ]


def test_csv_says_the_same_as_json_lines(desk: Desk) -> None:
    desk.take("customers", desk.csv([list(CELLS), list(CELLS.values())]))
    from_csv = holdings(desk.shop.store)
    again = desk.take("customers", desk.json_lines([ANN]))
    assert (again["already there"], again["changed"], again["consents"]) == (1, 0, 0)
    assert holdings(desk.shop.store) == from_csv


@pytest.mark.parametrize("name", [name for name in ANN if name not in ("key", "consents", "attributes")])
def test_only_what_the_file_holds_changes(desk: Desk, name: str) -> None:
    desk.take("customers", desk.json_lines([{**ANN, name: None}]))
    assert desk.take("customers", desk.json_lines([{"key": "c1", name: ANN[name]}]))["changed"] == 1
    row = stored(desk.shop.store, "c1")
    assert {one: row[one] for one in READ} == READ


def test_a_change_is_kept_with_what_was_before(desk: Desk) -> None:
    desk.take("customers", desk.json_lines([ANN]))
    later = {"key": "c1", "email": "ann@example.org", "birthday": "--03-01", "attributes": {"tier": "silver", "new": 1.5}}
    assert desk.take("customers", desk.json_lines([later]), "--source", "crm")["changed"] == 1
    assert changes(desk.shop.store, "c1") == {
        "email": ("Ann@example.com", "ann@example.org"),
        "birth_month": (2, 3),
        "birth_day": (29, 1),
        "birth_year": (1992, None),
        "attributes.tier": ("gold", "silver"),
        "attributes.new": (None, 1.5),
    }
    with desk.shop.store.read() as conn:
        assert set(conn.execute(select(customer_change.c.source)).scalars()) == {"crm"}


def test_a_date_that_changed_is_kept_as_text(desk: Desk) -> None:
    desk.take("customers", desk.json_lines([ANN]))
    desk.take("customers", desk.json_lines([{"key": "c1", "joined_on": "2026-02-01"}]))
    assert changes(desk.shop.store, "c1") == {"joined_on": ("2026-01-31", "2026-02-01")}


def test_null_clears_in_json_lines(desk: Desk) -> None:
    cleared = [name for name in ANN if name not in ("key", "consents", "attributes")]
    desk.take("customers", desk.json_lines([ANN]))
    nulls = {**dict.fromkeys(cleared), "attributes": {"tier": None, "address": {"street": None}}}
    desk.take("customers", desk.json_lines([{"key": "c1", **nulls}]))
    row = stored(desk.shop.store, "c1")
    assert {row[name] for name in READ if name != "attributes"} == {None}
    assert row["attributes"] == {"points": 12, "vip": True, "address": {}, "odd": [1, 2.5]}


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_cell_says_nothing(desk: Desk, empty: str) -> None:
    desk.take("customers", desk.json_lines([ANN]))
    before = holdings(desk.shop.store)
    again = desk.take("customers", desk.csv([list(CELLS), ["c1", *[empty] * (len(CELLS) - 1)]]))
    assert (again["already there"], again["set aside"]) == (1, 0)
    assert holdings(desk.shop.store) == before


def test_a_nested_attribute_leaves_its_neighbours(desk: Desk) -> None:
    desk.take("customers", desk.json_lines([{"key": "c1", "attributes": {"address": {"street": "1 Road", "floor": 2}}}]))
    desk.take("customers", desk.csv([["key", "attributes.address.street"], ["c1", "2 Road"]]))
    assert stored(desk.shop.store, "c1")["attributes"] == {"address": {"street": "2 Road", "floor": 2}}


def test_a_dotted_name_is_a_nested_attribute_that_segments_find(desk: Desk) -> None:
    desk.take("customers", desk.json_lines([{"key": "c1", "attributes": {"address.street": "1 Road"}}, {"key": "c2"}]))
    desk.shop.segment("roads", "attribute: address.street\nis: 1 Road")
    assert desk.shop.members("roads") == ["c1"]


def test_the_same_again_changes_nothing(desk: Desk) -> None:
    file = desk.json_lines([{**ANN, "attributes": {"share": 0.1, "deep": {"share": 0.7}, "tier": "gold"}}])
    desk.take("customers", file)
    before = row_counts(desk.shop.store)
    again = desk.take("customers", file)
    assert (again["new"], again["changed"], again["already there"], again["consents"]) == (0, 0, 1, 0)
    assert row_counts(desk.shop.store) == before


def test_a_customer_twice_in_a_file_is_one_customer_with_the_last_word(desk: Desk) -> None:
    file = desk.json_lines([{"key": "c1", "city": "Bonn", "region": "NW"}, {"key": "c1", "city": "Berlin"}])
    assert desk.take("customers", file)["new"] == 1
    row = stored(desk.shop.store, "c1")
    assert (row["city"], row["region"]) == ("Berlin", "NW")


def test_a_zone_that_is_none_is_kept_counted_and_stood_in_for(desk: Desk) -> None:
    people = {
        "own": {"time_zone": "Asia/Kathmandu", "country": "FR"},
        "wrong": {"time_zone": "Eastern", "country": "FR"},
        "missing": {"country": "fr"},
        "many": {"time_zone": "GMT+25", "country": "US"},
        "nowhere": {},
    }
    summary = desk.take("customers", desk.json_lines([{"key": key, **said} for key, said in people.items()]))
    assert (summary["new"], summary["unknown time zones"], summary["set aside"]) == (5, 2, 0)
    with desk.shop.store.read() as conn:
        chosen = select(customer.c.key, zone.c.name).join(zone, zone.c.id == customer.c.zone_id)
        assert {row.key: row.name for row in conn.execute(chosen)} == {
            "own": "Asia/Kathmandu",
            "wrong": "Europe/Paris",
            "missing": "Europe/Paris",
            "many": None,  # the company's
            "nowhere": None,
        }
    assert stored(desk.shop.store, "wrong")["time_zone"] == "Eastern"


def test_a_moved_customer_gets_the_zone_of_the_new_country(desk: Desk) -> None:
    desk.take("customers", desk.json_lines([{"key": "c1", "country": "FR"}]))
    desk.take("customers", desk.json_lines([{"key": "c1", "country": "JP"}]))
    with desk.shop.store.read() as conn:
        chosen = select(zone.c.name).join(customer, zone.c.id == customer.c.zone_id)
        assert conn.execute(chosen).scalars().all() == ["Asia/Tokyo"]


def test_any_number_of_consents_fit_into_a_file(desk: Desk) -> None:
    topics = [{"channel": "email", "topic": f"t{n}", "state": "given", "at": "2026-01-01"} for n in range(8)]
    records = [{"key": f"c{n}", "consents": topics} for n in range(1_200)]
    assert desk.take("customers", desk.json_lines(records))["consents"] == 9_600
    assert desk.take("customers", desk.json_lines(records))["consents"] == 0
