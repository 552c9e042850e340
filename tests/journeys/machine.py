"""A shop in which things happen in any order, beside a simulator that is told the same.

Flows run in any order and any number, one at a time, and sometimes in a process that is killed on the way. After each the
shop and the simulator must say the same; what a killed process leaves in doubt counts as sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from tests.journeys.agreeing import engine_says, simulator_says
from tests.journeys.random_journeys import DAY, Journeys, journeys
from tests.journeys.shopping import Shopping
from tests.journeys.simulator_conditions import holds

FAR = 400 * DAY
AS_GOOD_AS = {"dispatched": "sent", "in_doubt": "sent", "claimed": "due"}


def _settled(touches: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """As they will be once what was left behind is settled. Why they had to go again is no matter."""
    said = [(*row[:4], AS_GOOD_AS.get(row[4], row[4]), *row[5:]) for row in touches]
    return sorted(((*row[:5], None, *row[6:]) if row[4] in ("sent", "due") else row for row in said), key=str)


class Machine(Shopping):
    """The shop and the simulator, side by side."""

    @initialize(given=journeys())
    def begin(self, given: Journeys) -> None:
        self.sent: set[int] = set()
        self.open(given)

    # Flows

    @rule()
    def plan(self) -> None:
        self.settle_what_was_left()
        self.simulator.plan(self.now)
        self.shop.plan(self.now)
        self._agree()

    @rule(only=st.sampled_from([None, "a", "b"]))
    def deliver(self, only: str | None) -> None:
        self.settle_what_was_left()
        self.simulator.deliver(self.now, only)
        with self.channel_told():
            self.shop.deliver(self.now, only)
        self._agree()

    @rule()
    def tick(self) -> None:
        self.settle_what_was_left()
        self.simulator.tick(self.now)
        with self.channel_told():
            self.shop.tick(self.now)
        self._agree()

    @rule(at=st.integers(1, 80))
    def planning_is_killed(self, at: int) -> None:
        """Whoever plans next as of the same instant finishes it."""
        self.settle_what_was_left()
        self.killed(at, lambda shop: shop.plan(self.now))
        self.plan()

    @rule(at=st.integers(1, 80))
    def delivering_is_killed(self, at: int) -> None:
        """What it had judged is judged; what it had claimed is due again once its lease is gone."""
        self.settle_what_was_left()
        self.killed(at, lambda shop: shop.deliver(self.now))
        self._judge_as_the_engine_did()
        self.left_behind = True
        self._agree()

    def _judge_as_the_engine_did(self) -> None:
        said = {row[:4]: row[4:] for row in engine_says(self.shop, self.given.campaigns)["touches"]}
        for enrolment, one in self.simulator.due():
            state, _, _, due_at = said[enrolment.campaign.name, enrolment.person.key, enrolment.occasion, one.step]
            if state == "claimed":
                self.simulator.claim(enrolment, one, self.now)
            while one.state == "due" and ((state, due_at) != (one.state, one.due_at) and state != "claimed"):
                self.simulator.judge(enrolment, one, self.now)

    # What must hold

    def _agree(self) -> None:
        """The shop and the simulator say the same, and each mail that has just left was allowed to."""
        engine, simulator = engine_says(self.shop, self.given.campaigns), simulator_says(self.simulator)
        engine["touches"], simulator["touches"] = _settled(engine["touches"]), _settled(simulator["touches"])
        assert engine == simulator
        self._only_to_whom_it_may()

    def _only_to_whom_it_may(self) -> None:
        """Nobody is written to after consent or audience is gone, whatever planned it."""
        for enrolment in self.simulator.enrolments:
            who = enrolment.person
            for one in enrolment.touches.values():
                if one.state != "sent" or id(one) in self.sent:
                    continue
                self.sent.add(id(one))
                said = one.campaign.said
                assert one.is_task or "topic" not in said or who.consented(said["topic"], self.now)
                assert one.is_task or not who.suppressed(self.now)
                assert not enrolment.held_out
                assert not who.erased
                assert "audience" not in said or holds(said["audience"], who, self.now)
                assert "exit_when" not in said or not holds(said["exit_when"], who, self.now, enrolment)

    @invariant()
    def nobody_is_enrolled_or_spoken_to_twice_for_one_key(self) -> None:
        said = engine_says(self.shop, self.given.campaigns)
        for rows, key in (("enrolments", 3), ("touches", 4)):
            assert max(Counter(row[:key] for row in said[rows]).values(), default=1) == 1

    def teardown(self) -> None:
        """Once no campaign enters anybody, everybody comes to an end."""
        if not hasattr(self, "shop"):
            return
        with self.stack:
            self.settle_what_was_left()
            self.end_campaigns()
            self.now += FAR
            self.tick()
            said = engine_says(self.shop, self.given.campaigns)
            assert {row[4] for row in said["enrolments"]} <= {"finished", "left"}
            assert not {row[4] for row in said["touches"]} & {"due", "claimed", "dispatched"}
