"""Caps agree with a plain program that hands out touches one customer at a time, on random campaigns and orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from crm_store.store import Store
from tests.copies import emptied
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
    number: int  # of the order
    due: datetime
    expires: datetime
    state: str = "due"
    reason: str | None = None


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


def handed_out(plans: list[Plan], company: list[Limit], orders: list[tuple[int, int]], ticks: list[datetime]) -> list[Due]:
    """What becomes of every touch of one customer."""
    touches = [
        Due(plan, number, at, at + WAIT_AT_MOST)
        for number, (hours, size) in enumerate(sorted(orders))
        for plan in plans
        if size >= plan.size
        for at in [NOON + hours * HOUR]
    ]
    had: list[tuple[datetime, str]] = []
    for now in ticks:
        waiting = [one for one in touches if one.state == "due" and one.due <= now]
        for one in sorted(waiting, key=lambda one: (-one.plan.priority, one.due, one.plan.name)):
            _decide(one, company, had, now)
    return touches


def _decide(one: Due, company: list[Limit], had: list[tuple[datetime, str]], now: datetime) -> None:
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
        one.state = "sent"
        if topic:
            had.append((now, topic))
    elif one.plan.waits and free < one.expires:
        one.due, one.reason = free, "cap"
    else:
        one.state, one.reason = "skipped", "cap"


@given(
    st.lists(plans, min_size=1, max_size=4, unique_by=lambda plan: plan.name),
    st.lists(limits, max_size=2),
    orders,
    st.integers(5, 40),
)
def test_random_campaigns(
    store: Store, plans: list[Plan], company: list[Limit], orders: list[tuple[int, int]], every: int
) -> None:
    company = [one for one in company]
    plans = [one if _is_stricter(one, company) else Plan(**{**one.__dict__, "limit": None}) for one in plans]
    ticks = [NOON + hours * HOUR for hours in range(0, 400, every)]
    with TemporaryDirectory() as root, emptied(store) as empty:
        shop = Shop.open(Path(root), empty)
        caps = f"caps: [{', '.join(one.written() for one in company)}]\n" if company else ""
        shop.write({"config/rapport.yaml": SETTINGS + caps})
        for plan in plans:
            shop.campaign(plan.name, journey(**plan.keys()))
        shop.publish(NOON - 60 * DAY)
        shop.customer("alice")
        for hours, size in sorted(orders):
            shop.event("alice", "order", NOON + hours * HOUR, amount="5.00", properties={"size": size})
        for now in ticks:
            shop.tick(now)
        expected = sorted((one.plan.name, one.number, one.state, one.reason) for one in handed_out(plans, company, orders, ticks))
        assert outcomes(shop, sorted(orders)) == expected


def _is_stricter(plan: Plan, company: list[Limit]) -> bool:
    """As `rapport check` wants it."""
    return plan.limit is None or not any(
        one.topic in (None, plan.limit.topic) and plan.limit.at_most >= one.at_most and plan.limit.days <= one.days
        for one in company
    )
