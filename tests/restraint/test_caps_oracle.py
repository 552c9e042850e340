"""Caps agree with a plain program that hands out touches one customer at a time, on random campaigns and orders."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from crm_store.schema import touch
from tests.conftest import CASES
from tests.copies import copy_of, shop_on
from tests.journeys.files import journey
from tests.world import NOON, SETTINGS, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WAIT_AT_MOST = 7 * DAY


@dataclass(frozen=True)
class Limit:
    at_most: int
    days: int
    topic: str | None

    def written(self) -> str:
        topic = f", topic: {self.topic}" if self.topic else ""
        return f"{{at_most: {self.at_most}, per: {self.days} days{topic}}}"


@dataclass(frozen=True)
class Plan:
    """A campaign that every order of at least such a size enters."""

    name: str
    priority: int
    topic: str | None  # None: service
    waits: bool
    size: int
    limit: Limit | None

    def keys(self) -> Mapping[str, str | None]:
        said: dict[str, str | None] = {
            "enter": f"{{event: order, where: {{size: {{at_least: {self.size}}}}}}}",
            "again": "per event",
            "late": "{within: 60 days}",
        }
        if self.topic is None:
            return {**said, "purpose": "service", "basis": "the order", "topic": None}
        when = "wait" if self.waits else "skip"
        caps = {"caps": f"[{self.limit.written()}]"} if self.limit else {}
        return {**said, "topic": self.topic, "priority": str(self.priority), "when_capped": when, **caps}


@dataclass
class Due:
    plan: Plan
    right: datetime  # when the order was
    due: datetime
    state: str = "due"
    reason: str | None = None

    @property
    def expires(self) -> datetime:
        return self.right + WAIT_AT_MOST


limits = st.builds(Limit, st.integers(1, 3), st.integers(1, 4), st.sampled_from([None, "offers", "news"]))
plans = st.builds(
    Plan,
    st.sampled_from("abcde"),
    st.integers(49, 51),
    st.sampled_from(["offers", "news", "offers", "news", None]),
    st.booleans(),
    st.integers(1, 3),
    st.none() | limits,
)
orders = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 3)), min_size=1, max_size=8, unique_by=lambda one: one[0])


def handed_out(case: Case) -> list[Due]:
    """What becomes of every touch of the one customer there is."""
    touches = [
        Due(plan, NOON + hours * HOUR, NOON + hours * HOUR)
        for hours, size in case.orders
        for plan in case.plans
        if size >= plan.size and NOON + hours * HOUR <= case.ticks[-1]
    ]
    had: list[tuple[datetime, str]] = []
    for now in case.ticks:
        waiting = [one for one in touches if one.state == "due" and one.due <= now]
        for one in sorted(waiting, key=lambda one: (-one.plan.priority, one.due, one.plan.name, one.right)):
            _decide(one, case.company, had, now)
    return touches


def _decide(one: Due, company: tuple[Limit, ...], had: list[tuple[datetime, str]], now: datetime) -> None:
    if one.expires <= now:
        one.state, one.reason = "skipped", "expired"
        return
    free = now
    topic = one.plan.topic
    for limit in (*company, *([one.plan.limit] if one.plan.limit else [])) if topic else ():
        if limit.topic in (None, topic):
            near = sorted(at for at, of in had if limit.topic in (None, of) and at > now - limit.days * DAY)
            if len(near) >= limit.at_most:
                free = max(free, near[-limit.at_most] + limit.days * DAY)
    if free <= now:
        one.state, one.reason = "sent", None
        if topic:
            had.append((now, topic))
    elif one.plan.waits and free < one.expires:
        one.due, one.reason = free, "cap"
    else:
        one.state, one.reason = "skipped", "cap"


@dataclass(frozen=True)
class Case:
    plans: tuple[Plan, ...]
    company: tuple[Limit, ...]
    orders: tuple[tuple[int, int], ...]
    every: int  # hours from tick to tick

    @property
    def ticks(self) -> list[datetime]:
        return [NOON + hours * HOUR for hours in range(0, 300, self.every)]

    def fill(self, shop: Shop) -> None:
        caps = f"caps: [{', '.join(one.written() for one in self.company)}]\n" if self.company else ""
        shop.write({"config/rapport.yaml": SETTINGS + caps})
        for plan in self.plans:
            shop.campaign(plan.name, journey(**plan.keys()))
        shop.publish(NOON - 60 * DAY)
        shop.customer("alice")
        for hours, size in self.orders:
            shop.event("alice", "order", NOON + hours * HOUR, amount="5.00", properties={"size": size})


@st.composite
def cases(draw: st.DrawFn) -> Case:
    company = draw(st.lists(limits, max_size=2))
    found = draw(st.lists(plans, min_size=1, max_size=4, unique_by=lambda plan: plan.name))
    lawful = [one if _is_stricter(one, company) else replace(one, limit=None) for one in found]
    return Case(tuple(lawful), tuple(company), tuple(sorted(draw(orders))), draw(st.integers(7, 40)))


def _is_stricter(plan: Plan, company: list[Limit]) -> bool:
    """As `rapport check` wants it."""
    return plan.limit is None or not any(
        one.topic in (None, plan.limit.topic) and plan.limit.at_most >= one.at_most and plan.limit.days <= one.days
        for one in company
    )


def outcomes(shop: Shop) -> list[tuple[str, datetime, str, str | None, datetime]]:
    with shop.store.read() as conn:
        rows = conn.execute(select(touch.c.campaign, touch.c.right_at, touch.c.state, touch.c.reason, touch.c.due_at))
        return sorted(tuple(row) for row in rows.all())


def prove(url: str, root: Path, case: Case) -> None:
    shutil.rmtree(root, ignore_errors=True)
    with copy_of(url) as copy, shop_on(copy, root) as shop:
        shop = Shop.open(root, shop.store)
        case.fill(shop)
        for now in case.ticks:
            shop.plan(now)
            shop.deliver(now)
        done = handed_out(case)
        assert outcomes(shop) == sorted((one.plan.name, one.right, one.state, one.reason, one.due) for one in done)


@settings(max_examples=max(1, CASES // 5))
@given(case=cases())
def test_random_campaigns(store_url: str, tmp_path: Path, case: Case) -> None:
    prove(store_url, tmp_path / "shop", case)


@pytest.mark.long
@settings(max_examples=CASES * 10)
@given(case=cases())
def test_many_more_random_campaigns(store_url: str, tmp_path: Path, case: Case) -> None:
    prove(store_url, tmp_path / "shop", case)
