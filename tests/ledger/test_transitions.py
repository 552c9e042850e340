"""Every change of a touch's state is a move that is listed; nothing else changes it, and what has ended stays ended."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from crm_store.ledger import transitions
from crm_store.ledger.states import CANCELLED, CLAIMED, DISPATCHED, DUE, FAILED, IN_DOUBT, SENT, SKIPPED, STATES
from crm_store.ledger.transitions import MOVES, Move, move
from crm_store.schema import touch
from tests.ledger.rows import by_customer, planned
from tests.world import Shop

ROOT = Path(__file__).parents[2]
# DESIGN section 5, as pairs of states.
ALLOWED = {
    (DUE, CLAIMED),
    (DUE, SKIPPED),
    (DUE, CANCELLED),
    (DUE, DUE),  # put off
    (DUE, SENT),  # an event proves a mail that was thought not to have left
    (DUE, IN_DOUBT),
    (CLAIMED, DUE),
    (CLAIMED, FAILED),
    (CLAIMED, DISPATCHED),
    (CLAIMED, SENT),
    (CLAIMED, IN_DOUBT),
    (DISPATCHED, CLAIMED),  # to be divided: its request was definitely refused
    (DISPATCHED, SENT),
    (DISPATCHED, FAILED),
    (DISPATCHED, DUE),
    (DISPATCHED, IN_DOUBT),
    (IN_DOUBT, SENT),
    (IN_DOUBT, DUE),
    (IN_DOUBT, FAILED),
    (FAILED, DUE),
}


def state_changes(tree: ast.Module) -> Iterator[int]:
    """Lines that call `.values(state=...)` or `.values({"state": ...})` after `update(touch)`."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "values"):
            continue
        words = [str(keyword.arg) for keyword in node.keywords]
        keys = [key for one in node.args if isinstance(one, ast.Dict) for key in one.keys]
        words += [str(key.value) for key in keys if isinstance(key, ast.Constant)]
        if "update(touch)" in ast.unparse(node.func) and "state" in words:
            yield node.lineno


def test_the_moves_are_those_of_the_design() -> None:
    assert {(source, one.target) for one in MOVES for source in one.sources} == ALLOWED


def test_every_move_is_listed_and_says_when_it_happens() -> None:
    assert {one for one in vars(transitions).values() if isinstance(one, Move)} == set(MOVES)
    assert all(one.when for one in MOVES)


def test_nothing_else_changes_a_state() -> None:
    folders = ("crm_store", "outreach", "flows", "console")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py") if "versions" not in path.parts]
    found = {path.name for path in paths if list(state_changes(ast.parse(path.read_text(encoding="utf-8"))))}
    assert found == {"transitions.py"}


@pytest.mark.parametrize("text", ["update(touch).where(x).values(state=1)", "update(touch).values({'state': 1})"])
def test_it_would_be_seen(text: str) -> None:
    assert list(state_changes(ast.parse(text))) == [1]


@pytest.mark.parametrize("how", MOVES, ids=lambda one: one.when)
def test_a_move_changes_only_what_is_in_one_of_its_sources(shop: Shop, how: Move) -> None:
    planned(shop, *STATES)

    def put(conn: Connection) -> None:
        for touch_id, state in enumerate(STATES, 1):
            conn.execute(update(touch).where(touch.c.id == touch_id).values(state=state))

    shop.store.write(put)
    assert shop.store.write(move, how) == len(how.sources)
    assert by_customer(shop, "state") == {state: how.target if state in how.sources else state for state in STATES}
