"""`rapport import list`: a list becomes exactly what the file says, at once for whoever reads it, and again is nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from crm_store.clock import machine_instant
from crm_store.errors import StoreError
from crm_store.intake import lists
from crm_store.intake.importing import Line
from crm_store.intake.lists import UNKNOWN_CUSTOMER, ListMembers, ListOutcome, import_list
from crm_store.intake.readers import Rejects
from crm_store.schema import customer, list_member, static_list
from crm_store.store import Store
from tests.intake.desk import Desk, reasons, row_counts

KEYS = ("ann", "bob", "cleo", "dan")
EMPTY = "key\n"


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """The desk of a shop with four customers."""
    desk.customers(*KEYS)
    return desk


def take(desk: Desk, *keys: str, name: str = "fair", options: Iterable[str] = ()) -> dict[str, Any]:
    """The summary of a list's import."""
    return desk.take("list", desk.csv([["key"], *([key] for key in keys)]), *options, of=name)


def members(store: Store, name: str = "fair") -> list[str] | None:
    """The keys of a list's members, None if there is no such list."""
    found = (
        select(customer.c.key).select_from(list_member).join(customer).join(static_list).where(static_list.c.name == name)
    )
    with store.read() as conn:
        known = conn.execute(select(static_list.c.id).where(static_list.c.name == name)).first()
        return sorted(conn.execute(found).scalars()) if known else None


def kept(store: Store) -> list[tuple[Any, ...]]:
    """Everything about all lists, those that nobody reads included."""
    counted = select(func.count()).where(list_member.c.list_id == static_list.c.id).scalar_subquery()
    with store.read() as conn:
        return [tuple(row) for row in conn.execute(select(static_list, counted).order_by(static_list.c.id))]


def test_a_list_is_what_the_file_says(desk: Desk) -> None:
    said = take(desk, "ann", "bob")
    assert members(desk.shop.store) == ["ann", "bob"]
    assert said == {
        "list": "fair", "new": 2, "left": 0, "already there": 0, "set aside": 0, "rejects file": None, "dry run": False
    }  # fmt: skip


def test_who_is_not_in_the_file_leaves(desk: Desk) -> None:
    take(desk, "ann", "bob")
    said = take(desk, "bob", "cleo", "dan")
    assert members(desk.shop.store) == ["bob", "cleo", "dan"]
    assert (said["new"], said["left"], said["already there"]) == (2, 1, 1)


def test_only_leaving_is_a_change_too(desk: Desk) -> None:
    take(desk, "ann", "bob")
    said = take(desk, "bob")
    assert (members(desk.shop.store), said["new"], said["left"], said["already there"]) == (["bob"], 0, 1, 1)


def test_a_second_run_changes_nothing(desk: Desk) -> None:
    take(desk, "ann", "bob")
    before = kept(desk.shop.store)
    said = take(desk, "bob", "ann", options=["--source", "elsewhere"])
    assert (said["new"], said["left"], said["already there"]) == (0, 0, 2)
    assert kept(desk.shop.store) == before


def test_whoever_has_looked_a_list_up_reads_all_of_it_for_an_hour(desk: Desk) -> None:
    take(desk, "ann", "bob")
    ((list_id, *_),) = kept(desk.shop.store)
    take(desk, "cleo")
    assert [(one[0] == list_id, one[4]) for one in kept(desk.shop.store)] == [(True, 2), (False, 1)]
    an_hour_later(desk.shop.store)
    take(desk, "cleo")
    ((_, name, _, _, count),) = kept(desk.shop.store)
    assert (name, count, row_counts(desk.shop.store)["list_member"]) == ("fair", 1, 1)


def test_lists_do_not_touch_each_other(desk: Desk) -> None:
    take(desk, "ann", "bob", name="fair")
    take(desk, "bob", name="Fair_2026-x")
    take(desk, "dan", name="fair")
    assert (members(desk.shop.store), members(desk.shop.store, "Fair_2026-x")) == (["dan"], ["bob"])


def test_a_file_without_lines_empties_the_list(desk: Desk) -> None:
    take(desk, "ann")
    assert desk.take("list", desk.text(EMPTY, "none.csv"), of="fair")["left"] == 1
    assert members(desk.shop.store) == []


def test_an_empty_list_is_a_list(desk: Desk) -> None:
    assert members(desk.shop.store) is None
    desk.take("list", desk.text(EMPTY, "none.csv"), of="fair")
    assert members(desk.shop.store) == []


def test_json_lines_are_taken_too(desk: Desk) -> None:
    desk.take("list", desk.json_lines([{"key": "ann"}, {"key": "bob"}]), of="fair")
    assert members(desk.shop.store) == ["ann", "bob"]


def test_a_map_says_how_the_file_calls_the_key(desk: Desk) -> None:
    rows = [["key", "customer no"], ["ann", "bob"]]
    desk.take("list", desk.csv([[name for name in row[1:]] for row in rows]), "--map", "key=customer no", of="fair")
    assert members(desk.shop.store) == ["bob"]


def test_what_else_the_file_says_is_not_looked_at(desk: Desk) -> None:
    desk.take("list", desk.csv([["key", "email", "seats"], ["ann", "not an address", "2"]]), of="fair")
    assert members(desk.shop.store) == ["ann"]
    desk.take("list", desk.json_lines([{"key": "bob", "attributes": 5}]), of="fair")
    assert members(desk.shop.store) == ["bob"]


def test_a_key_that_stands_twice_is_one_member(desk: Desk) -> None:
    said = take(desk, "ann", "ann", "bob", "ann")
    assert (members(desk.shop.store), said["new"], said["set aside"]) == (["ann", "bob"], 2, 0)


def test_what_can_not_be_taken_is_set_aside_and_the_rest_is_the_list(desk: Desk) -> None:
    with_erased(desk.shop.store, "dan")
    file = desk.json_lines(
        [{"key": "ann"}, {"key": "eve"}, {"kee": "bob"}, {"key": " "}, "{", {"key": "dan"}, {"key": [1]}]
    )
    said = desk.take("list", file, of="fair")
    assert (members(desk.shop.store), said["new"], said["set aside"]) == (["ann"], 1, 6)
    assert reasons(desk.rejects(said)) == {
        2: UNKNOWN_CUSTOMER,
        3: "key: is missing",
        4: "key: is missing",
        5: "is not JSON (or names a field twice)",
        6: UNKNOWN_CUSTOMER,
        7: "key: must be a text",
    }


def with_erased(store: Store, key: str) -> None:
    store.write(
        lambda conn: conn.execute(update(customer).where(customer.c.key == key).values(erased_at=machine_instant()))
    )


def test_a_file_of_which_nothing_can_be_taken_leaves_the_list_alone(desk: Desk) -> None:
    take(desk, "ann")
    before = kept(desk.shop.store)
    ran = desk.rapport("import", "list", "fair", desk.csv([["kunde"], ["bob"], ["dan"]], "kunden.csv"))
    rejects = desk.shop.root / "rejects" / "kunden.rejects.jsonl"
    said = f"list 'fair' stays as it was: no line of the file could be taken (2: key: is missing); see {rejects}"
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {said}\n")
    assert kept(desk.shop.store) == before


def test_a_dry_run_tells_all_and_leaves_nothing(desk: Desk) -> None:
    take(desk, "ann", "bob")
    before = kept(desk.shop.store)
    rehearsed = take(desk, "bob", "eve", "dan", options=["--dry-run"])
    assert kept(desk.shop.store) == before
    done = take(desk, "bob", "eve", "dan")
    assert reasons(desk.rejects(rehearsed)) == reasons(desk.rejects(done)) == {3: UNKNOWN_CUSTOMER}
    assert (rehearsed.pop("dry run"), done.pop("dry run")) == (True, False)
    rehearsed.pop("rejects file"), done.pop("rejects file")
    assert rehearsed == done


def test_the_source_is_kept_with_the_list(desk: Desk) -> None:
    take(desk, "ann", options=["--source", "trade fair"])
    take(desk, "bob", name="other")
    assert [(name, source) for _, name, source, _, _ in kept(desk.shop.store)] == [
        ("fair", "trade fair"),
        ("other", "import"),
    ]


def test_a_summary_for_people_tells_what_was_done(desk: Desk) -> None:
    take(desk, "ann", "bob")
    ran = desk.rapport("import", "list", "fair", desk.csv([["key"], ["bob"], ["dan"], ["eve"]]))
    assert [" ".join(line.split()) for line in ran.out.splitlines()] == [
        "list fair",
        "new 1",
        "left 1",
        "already there 1",
        "set aside 1",
        f"rejects file {desk.shop.root}/rejects/records.rejects.jsonl",
        f"set aside 1: {UNKNOWN_CUSTOMER}",
    ]


@pytest.mark.parametrize("name", ["", "trade fair", "fair!", "-", "_x", "a/b", "messe-köln", "a.b", "fair\n"])
def test_a_name_that_no_segment_could_say_is_refused(desk: Desk, name: str) -> None:
    ran = desk.rapport("import", "list", "--", name, desk.csv([["key"], ["ann"]]))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error: list {name!r} can't be called so; write letters, digits, '-' and '_' only\n"
    assert kept(desk.shop.store) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["nobody.csv"], "file nobody.csv is not there"),
        (["notes.txt"], "file notes.txt is neither .csv nor .jsonl; rename or convert it"),
        (["fair.csv", "--map", "key"], "--map key is not field=column; write e.g. --map email=mail"),
        (["fair.csv", "--map", "kee=key"], "--map kee=key: field 'kee' is not known; did you mean 'key'?"),
        (["fair.csv", "--map", "key=no"], "--map key=no: fair.csv has no column 'no'"),
    ],
)
def test_wrong_input_is_said_in_one_line(
    desk: Desk, options: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(desk, "ann")
    before = members(desk.shop.store)
    desk.csv([["key"], ["bob"]], "fair.csv"), desk.text("bob", "notes.txt")
    monkeypatch.chdir(desk.folder)
    ran = desk.rapport("import", "list", "fair", *options)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith(f"error: {said}")
    assert members(desk.shop.store) == before


def test_a_segment_that_names_the_list_has_its_members(desk: Desk) -> None:
    desk.shop.segment("visitors", "list: fair")
    for keys in (("ann", "bob"), ("bob",), ("cleo", "dan")):
        take(desk, *keys)
        assert desk.shop.members("visitors") == desk.shop.members("visitors", among=True) == sorted(keys)


# Between the transactions


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line is a transaction of its own, and so is every member that is taken away."""
    monkeypatch.setattr(ListMembers, "weight", lambda *_: 10**9)
    monkeypatch.setattr(lists, "SLICE", 1)


def run(desk: Desk, *keys: str, name: str = "fair", meanwhile: Callable[[], object] = lambda: None) -> ListOutcome:
    """An import that does something else after each transaction."""

    def progress(_: int) -> None:
        meanwhile()

    lines = [Line(number, key, dict) for number, key in enumerate(keys)]
    with Rejects(desk.folder / "rejects.jsonl") as rejects:
        return import_list(desk.shop.store, ListMembers(name), lines, rejects, "test", progress)


class Killed(BaseException):
    """Stands for a kill: nothing cleans up after it."""


def kill() -> None:
    raise Killed


def an_hour_later(store: Store) -> None:
    """Everything that is kept of lists was written an hour earlier than it was."""

    def earlier(conn: Any) -> None:
        for list_id, at in conn.execute(select(static_list.c.id, static_list.c.imported_at)).all():
            before: datetime = at - timedelta(hours=1, seconds=1)
            conn.execute(update(static_list).where(static_list.c.id == list_id).values(imported_at=before))

    store.write(earlier)


@pytest.mark.usefixtures("one_by_one")
def test_nobody_sees_a_list_half_done(desk: Desk) -> None:
    run(desk, "ann", "bob")
    seen: list[Any] = []
    run(desk, "bob", "cleo", "dan", meanwhile=lambda: seen.append(members(desk.shop.store)))
    assert seen == [["ann", "bob"]] * 3
    assert members(desk.shop.store) == ["bob", "cleo", "dan"]


@pytest.mark.usefixtures("one_by_one")
def test_a_key_that_stands_in_two_transactions_is_one_member(desk: Desk) -> None:
    outcome = run(desk, "ann", "bob", "ann")
    assert (members(desk.shop.store), outcome.new, outcome.unchanged) == (["ann", "bob"], 2, 0)


@pytest.mark.usefixtures("one_by_one")
def test_a_kill_on_the_way_leaves_the_list_as_it_was_and_the_next_run_does_it_all(desk: Desk) -> None:
    run(desk, "ann", "bob")
    with pytest.raises(Killed):
        run(desk, "cleo", "dan", meanwhile=kill)
    assert members(desk.shop.store) == ["ann", "bob"]
    outcome = run(desk, "cleo", "dan")
    assert (members(desk.shop.store), outcome.new, outcome.left) == (["cleo", "dan"], 2, 2)


@pytest.mark.usefixtures("one_by_one")
def test_what_a_kill_leaves_is_swept_up_after_an_hour_by_any_import(desk: Desk) -> None:
    with pytest.raises(Killed):
        run(desk, "cleo", "dan", meanwhile=kill)
    run(desk, "ann", name="other")
    assert len(kept(desk.shop.store)) == 2
    an_hour_later(desk.shop.store)
    run(desk, "ann", name="other")
    assert [name for _, name, *_ in kept(desk.shop.store)] == ["other"]
    assert members(desk.shop.store, "other") == ["ann"]
    assert row_counts(desk.shop.store)["list_member"] == 1


@pytest.mark.usefixtures("one_by_one")
def test_of_two_imports_at_a_time_the_last_to_end_is_the_list(desk: Desk) -> None:
    others = iter([("ann", "bob"), ("bob",)])
    run(desk, "cleo", "dan", meanwhile=lambda: run(desk, *next(others)))
    assert members(desk.shop.store) == ["cleo", "dan"]


@pytest.mark.usefixtures("one_by_one")
def test_an_import_that_takes_hours_is_not_given_up_while_it_goes_on(desk: Desk) -> None:
    steps: list[Callable[[], object]] = [lambda: run(desk, "ann", name="other"), lambda: an_hour_later(desk.shop.store)]

    def meanwhile() -> None:
        if steps:
            steps.pop()()

    run(desk, "bob", "cleo", "dan", meanwhile=meanwhile)
    assert members(desk.shop.store) == ["bob", "cleo", "dan"]


@pytest.mark.usefixtures("one_by_one")
def test_an_import_that_was_given_up_says_so_and_spoils_nothing(desk: Desk) -> None:
    def stand_still() -> None:
        an_hour_later(desk.shop.store)
        run(desk, "ann")

    with pytest.raises(StoreError, match="stood still for over an hour"):
        run(desk, "cleo", "dan", meanwhile=stand_still)
    assert members(desk.shop.store) == ["ann"]
    assert row_counts(desk.shop.store)["list_member"] == 1


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_two_first_imports_that_end_at_the_same_moment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite lets only one write at a time."""
    usual = lists._touch

    def touch(conn: Any, called: str, **values: Any) -> int:
        if "name" in values:
            monkeypatch.setattr(lists, "_touch", usual)
            run(desk, "ann")
        return usual(conn, called, **values)

    monkeypatch.setattr(lists, "_touch", touch)
    with pytest.raises(StoreError, match="list 'fair' was imported by another program just now; run it again"):
        run(desk, "bob")
    assert members(desk.shop.store) == ["ann"]
