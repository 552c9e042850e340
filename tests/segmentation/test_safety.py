"""A segment is data: whatever stands in it, nothing of it is run, by Python, by YAML or by a database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from crm_store.content.faults import Faults, Incomplete
from crm_store.content.sources import Sources
from crm_store.schema import METADATA, customer
from crm_store.segmentation.compile import count, member_keys, scope_of, written_out
from crm_store.segmentation.segment import load_segments
from tests.segmentation.asking import SHAPES, Audience
from tests.world import NOON

ATTACKS = (
    "'; DROP TABLE customer; --",
    "' OR '1'='1",
    "x' UNION SELECT secret FROM link_key --",
    "\\'; DELETE FROM event; --",
    "1; UPDATE customer SET email = NULL",
    "$$; DROP TABLE event; $$",
    "%(x)s %s ? :x {x} {{x}} ${x} `id` $(id)",
    "__import__('os').system('true')",
    "{{ 7 * 7 }}",
    "a\\",
    "\u202egnp.exe",
)
NAMES = ("it's", "100%", "%(x)s", ":name", "?", "a) OR (1=1", "$.x", "x]", "'; DROP TABLE event; --", "{x}", "größe")


def quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"


FILES = {
    "config/vocabulary.yaml": "attributes:\n"
    + "".join(f"  {quoted(name)}: {{type: text}}\n" for name in NAMES)
    + "topics: {offers: {}}\ncurrencies: [EUR]\nevents:\n  order: {amount: yes, properties: {store: text}}\n"
    + "".join(f"  {quoted(name)}: {{properties: {{{quoted(name)}: text}}}}\n" for name in NAMES)
}


@pytest.fixture(scope="module")
def people(audience: Audience) -> Audience:
    """For each name somebody who has an attribute and did something of that name, for each attack who is called so."""
    named = [{"key": name, "attributes": {name: "yes"}} for name in NAMES]
    done = [{"customer": name, "event": name, "at": "2026-06-01", "properties": {name: "yes"}} for name in NAMES]
    audience.fill([*named, *({"key": f"called {n}", "first_name": word} for n, word in enumerate(ATTACKS))], done)
    return audience


def rows(audience: Audience) -> dict[str, int]:
    """How many rows every table has."""
    with audience.shop.store.read() as conn:
        return {
            name: conn.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in METADATA.tables.items()
        }


@pytest.mark.parametrize("word", ["is", "starts_with", "ends_with", "contains", "in"])
@pytest.mark.parametrize("number", range(len(ATTACKS)))
def test_an_operand_is_only_ever_a_value(people: Audience, word: str, number: int) -> None:
    before = rows(people)
    operand = quoted(ATTACKS[number])
    found = people.chosen(f"attribute: first_name, {word}: {f'[{operand}]' if word == 'in' else operand}")
    assert found == [f"called {number}"]
    assert rows(people) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_ever_a_name(people: Audience, name: str) -> None:
    assert people.chosen(f"attribute: {quoted(name)}, is: 'yes'") == [name]
    assert people.chosen(f"event: {quoted(name)}, where: {{{quoted(name)}: {{is: 'yes'}}}}") == [name]
    assert people.chosen(f"event: {quoted(name)}, count: {{at_least: 1}}") == [name]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(
    "who",
    [
        "attribute: {}, is: x",
        "event: {}",
        "event: [{}]",
        "event: order, where: {{{}: {{is: x}}}}",
        "event: order, items: {{{}: {{is: x}}}}",
        "event: order, since: {}",
        "event: order, in_last: {}",
        "event: order, during: {}",
        "event: order, count: {{{}: 1}}",
        "event: order, count: {{at_least: {}}}",
        "event: order, sum: {{of: {}, at_least: 1 EUR}}",
        "attribute: age, at_least: {}",
        "attribute: country, {}: x",
        "segment: {}",
        "reachable: {{channel: {}, topic: offers}}",
        "reachable: {{channel: email, topic: {}}}",
        "{}: x",
    ],
)
def test_elsewhere_it_is_not_a_word_and_refused(people: Audience, who: str, attack: str) -> None:
    faults = Faults()
    files = {"segments/x.yaml": f"who: {{{who.format(quoted(attack))}}}\n"}
    load_segments(Sources(files), people.workspace.vocabulary, faults)
    assert faults.found


@pytest.mark.parametrize(
    "text",
    [
        "who: !!python/object/apply:os.system ['true']",
        "who: !!python/object/new:os.system ['true']",
        "who: !!python/name:os.system",
        "!!python/module:os {}",
        "who: {attribute: first_name, is: !!python/object/apply:os.getcwd []}",
    ],
)
def test_yaml_makes_no_objects(people: Audience, text: str) -> None:
    faults = Faults()
    load_segments(Sources({"segments/x.yaml": text}), people.workspace.vocabulary, faults)
    assert "is not allowed; write plain text" in str(faults.found[0])


@pytest.mark.parametrize(
    "who",
    [
        *(f"attribute: first_name, is: {quoted(attack)}" for attack in ATTACKS),
        *(f"attribute: {quoted(name)}, is_not: '50% off'" for name in NAMES),
        "not: {all: [{attribute: joined_on, in_last: 3 days}, {attribute: age, between: [1.5, 3]}]}",
        "attribute: birthday, anniversary: {in_next: 7 days, years: [1, 2]}",
        'event: "it\'s", in_last: 30 days, count: {at_most: 2.5}',
        "event: [\"it's\", '100%'], last: {since: 2026-01-31 09:00}",
    ],
)
def test_the_sql_that_is_shown_is_the_sql_that_is_run(people: Audience, who: str) -> None:
    """Pasted into a database's shell it gives the same ids: values are in it, and no placeholders."""
    segments = people.read({"x": who})
    with people.shop.store.read() as conn:
        for shape in SHAPES:
            scope = replace(scope_of(conn, NOON, people.workspace.settings.company.zone, segments), shape=shape)
            cursor: Any = conn.connection.dbapi_connection.cursor()  # type: ignore[union-attr]  # it is connected
            cursor.execute(written_out(segments["x"].who, scope, conn))
            ids = [row[0] for row in cursor.fetchall()]
            shown = conn.execute(select(customer.c.key).where(customer.c.id.in_(ids))).scalars()
            assert sorted(shown) == people.chosen(who)


def test_members_are_counted_and_streamed_in_order(people: Audience) -> None:
    segments = people.read({"x": "attribute: key, starts_with: called"})
    who = segments["x"].who
    with people.shop.store.read() as conn:
        scope = scope_of(conn, NOON, people.workspace.settings.company.zone, segments)
        everybody = sorted(f"called {n}" for n in range(len(ATTACKS)))
        assert count(conn, who, scope) == len(everybody)
        assert list(member_keys(conn, who, scope, None)) == everybody
        assert list(member_keys(conn, who, scope, 3)) == everybody[:3]


def test_a_file_that_is_no_mapping_gives_no_segment(people: Audience) -> None:
    faults = Faults()
    assert load_segments(Sources({"segments/x.yaml": "- x"}), people.workspace.vocabulary, faults) == {}
    with pytest.raises(Incomplete):
        Sources({"segments/x.yaml": "- x"}).parse("segments/x.yaml", Faults())
