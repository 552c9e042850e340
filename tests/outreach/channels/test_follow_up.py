"""follow_up: a touch becomes one task, whoever sends it and however often, and nothing is lost on either database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from crm_store.schema import follow_up, touch
from crm_store.store import Store
from outreach.channels.base import NotAccepted, Proof
from outreach.channels.follow_up import FollowUps, Options
from tests.outreach.channels.benches import MAIL, REQUEST, mails, soon
from tests.outreach.channels.dispatched import dispatched


def rows(store: Store) -> list[dict[str, Any]]:
    with store.read() as conn:
        return [dict(row._mapping) for row in conn.execute(select(follow_up).order_by(follow_up.c.id))]


def test_a_task_says_whom_it_is_about_who_is_to_do_it_by_when_and_what_was_to_be_said(store: Store) -> None:
    dispatched(store, REQUEST, [MAIL])
    FollowUps(Options("call", "desk", timedelta(days=2)), store).send(REQUEST, [MAIL], soon())
    (row,) = rows(store)
    assert (row["customer_id"], row["enrolment_id"], row["touch_id"]) == (7, 7, 7)
    assert (row["kind"], row["assignee"], row["note"]) == ("call", "desk", "Hello Ann\n\nHello\n")
    assert (row["created_at"], row["due_at"], row["done_at"]) == (MAIL.date, MAIL.date + timedelta(days=2), None)


def test_without_a_time_or_a_desk_there_is_none(store: Store) -> None:
    dispatched(store, REQUEST, [MAIL])
    FollowUps(Options("call"), store).send(REQUEST, [MAIL], soon())
    assert (rows(store)[0]["assignee"], rows(store)[0]["due_at"]) == (None, None)


def test_a_touch_that_goes_again_keeps_its_one_task(store: Store) -> None:
    channel = FollowUps(Options("call"), store)
    dispatched(store, REQUEST, mails(2))
    for _ in range(2):
        assert list(channel.send(REQUEST, mails(2), soon()).accepted) == [1, 2]
    assert [row["touch_id"] for row in rows(store)] == [1, 2]


def test_a_sender_who_was_given_up_writes_no_task(store: Store) -> None:
    dispatched(store, REQUEST, mails(2))
    store.write(lambda conn: conn.execute(update(touch).where(touch.c.id == 2).values(state="due")))
    answer = FollowUps(Options("call"), store).send(REQUEST, mails(2), soon())
    assert (list(answer.accepted), list(answer.refused)) == ([1], [2])
    assert [row["touch_id"] for row in rows(store)] == [1]


def test_it_proves_what_is_there_and_what_is_not(store: Store) -> None:
    channel = FollowUps(Options("call"), store)
    dispatched(store, REQUEST, mails(3))
    channel.send(REQUEST, mails(2), soon())
    assert channel.look_up(REQUEST, {number: f"<{number}>" for number in (1, 2, 3)}) == Proof(
        {1: "<1>", 2: "<2>"}, frozenset({3})
    )


def test_without_a_store_nothing_is_sent() -> None:
    with pytest.raises(NotAccepted):
        FollowUps(Options("call"), None).send(REQUEST, [MAIL], soon())
