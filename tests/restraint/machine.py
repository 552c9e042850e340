"""The shop of the journeys, with caps, hours, priorities and pauses: whatever happens there, the laws of restraint hold.

Clocks leap and go back, people move to other zones, files are changed, whoever delivers dies. Nothing is foretold here:
after each delivery the ledger itself is judged (laws.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from crm_store.journeys.tick import can_go_on
from crm_store.ledger.control import pause_campaign, resume_campaign, stop_campaign
from crm_store.ledger.log import Order
from crm_store.ledger.pauses import pause_customer, resume_customer
from tests.journeys.random_journeys import DAY, HOUR, Journeys
from tests.journeys.shopping import Shopping, numbers
from tests.restraint.laws import Delivery, Touch, Where, broken
from tests.restraint.random_restraint import changed_restraint, restrained_journeys
from tests.restraint.watching import pause_ends, touches_of

ANN = Order("ann")
FAR = 400 * DAY
HOURS = 5 * HOUR  # go by after each thing that happens
LOOKS = 6  # at the end, as touches come due


class Restrained(Shopping):
    """Laws are looked at after each delivery, by whomever."""

    @initialize(given=restrained_journeys())
    def begin(self, given: Journeys) -> None:
        self.open(given)
        self.order: Sequence[str | None] = [None]
        self.paused: set[str] = set()
        self.pauses: list[tuple[str, str | None, datetime, datetime | None]] = []
        self.asks: set[str] = set()

    # What else happens

    @rule(days=st.sampled_from([2, 6]))
    def the_clock_leaps(self, days: int) -> None:
        self.now += days * DAY

    @rule(minutes=st.sampled_from([300, 330, 360, 1700]))
    def the_clock_goes_back(self, minutes: int) -> None:
        self.now -= timedelta(minutes=minutes)

    def another_file(self, said: Mapping[str, Any]) -> st.SearchStrategy[Mapping[str, Any]]:
        return changed_restraint(self.given.begin + 2 * DAY, said, self.given.restraint)

    @rule(of=numbers, stops=st.booleans())
    def a_campaign_is_braked(self, of: int, stops: bool) -> None:
        name = sorted(self.given.campaigns)[of % len(self.given.campaigns)]
        self.paused.add(name)
        if stops:
            stop_campaign(self.shop.store, name, None, ANN, self.now)
        else:
            self.shop.store.write(pause_campaign, name, ANN)

    @rule()
    def campaigns_go_on(self) -> None:
        for name in sorted(self.paused):
            self.shop.store.write(resume_campaign, name, ANN)
        self.paused.clear()

    @rule(of=numbers, topic=st.sampled_from([None, "offers"]), hours=st.sampled_from([None, 9, 50]))
    def somebody_is_paused(self, of: int, topic: str | None, hours: int | None) -> None:
        until = self.now + hours * HOUR if hours else None
        if not self.whom(of).erased:
            self.shop.store.write(pause_customer, self.whom(of).key, topic, self.now, until, ANN)
            self.pauses.append((self.whom(of).key, topic, self.now, until))

    @rule(of=numbers)
    def somebody_is_resumed(self, of: int) -> None:
        key = self.whom(of).key
        if not self.whom(of).erased:
            self.shop.store.write(resume_customer, key, None, self.now, ANN)
            self.pauses = [one for one in self.pauses if one[0] != key]

    # Flows

    def plan(self) -> None:
        self.settle_what_was_left()
        self.shop.plan(self.now)

    @rule(order=st.permutations("abcdef"))
    def others_deliver_first(self, order: list[str]) -> None:
        """Campaign by campaign: whoever delivers first, the same touches win."""
        self.order = order

    @rule(at=st.integers(1, 80))
    def delivering_is_killed(self, at: int) -> None:
        self.now += HOURS
        self.plan()
        self._judge(lambda: self.killed(at, lambda shop: shop.deliver(self.now)), is_whole=False)
        self.left_behind = True

    @invariant()
    def whatever_is_delivered_then_keeps_the_laws(self) -> None:
        self.now += HOURS
        self.people_do_things([(of, "cart_updated", 1, False) for of in range(len(self.simulator.people))])
        self.plan()
        self.judged()

    def tick(self) -> None:
        for _ in range(50):
            self.plan()
            if not self.judged() and not can_go_on(self.shop.store, self.now):
                return
        raise AssertionError("a tick without end")

    # What must hold

    def judged(self) -> bool:
        """Deliver all there is. Returns whether that changed anything."""
        self.settle_what_was_left()

        def work() -> None:
            with self.channel_told():
                for name in self.order:
                    self.shop.deliver(self.now, name)

        return self._judge(work, is_whole=True)

    def _judge(self, work: Callable[[], object], is_whole: bool) -> bool:
        before = touches_of(self.shop)
        work()
        given = self._delivery(before, touches_of(self.shop), is_whole)
        assert not broken(given), "\n".join(broken(given))
        return bool(given.changed)

    def _delivery(self, before: Mapping[int, Touch], after: Mapping[int, Touch], is_whole: bool) -> Delivery:
        self.asks |= {name for name, one in self.simulator.campaigns.items() if _asks(one.said)}  # in some version
        hers = {
            (key, topic)
            for key, topic, since, until in self.pauses
            if since <= self.now and (not until or self.now < until)
        }
        return Delivery(
            now=self.now,
            before=before,
            after=after,
            company=self.given.restraint,
            campaigns={name: {**one.said, "status": one.status} for name, one in self.simulator.campaigns.items()},
            people={one.key: Where(one.zone, one.raw.get("country") or "") for one in self.simulator.people},
            paused=frozenset(self.paused),
            paused_people=frozenset(hers),
            asks=frozenset(self.asks),
            pause_ends=pause_ends(self.shop),
            is_whole=is_whole,
        )

    def teardown(self) -> None:
        """Once nobody enters any more, whatever is put off comes to its end, and everything with it."""
        if not hasattr(self, "shop"):
            return
        with self.stack:
            self.settle_what_was_left()
            self.end_campaigns(when_ended="finish")
            for _ in range(LOOKS):
                self.tick()
                due = [one for one in touches_of(self.shop).values() if one.state == "due"]
                assert all(one.due_at <= one.expires_at and self.now < one.expires_at for one in due)
                self.now = min((_next(one, self.now) for one in due), default=self.now)
            self.now += FAR
            self.tick()
            assert not {one.state for one in touches_of(self.shop).values()} & {"due", "claimed", "dispatched"}


def _asks(said: Mapping[str, Any]) -> bool:
    return bool(said["late"].get("otherwise") == "ask")


def _next(one: Touch, now: datetime) -> datetime:
    """When it is looked at again: as it comes due, or, where nobody claims it, as it expires."""
    return one.due_at if one.due_at > now else one.expires_at
