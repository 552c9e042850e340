"""Splits: which arm somebody draws, and which of them wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from math import sqrt
from typing import Any

from tests.journeys.simulator_facts import Enrolment
from tests.journeys.simulator_times import duration

PRIME = 2**31 - 1
TWO_SIDED_5_PERCENT = 1.959963984540054  # the table's 1.96
Step = Mapping[str, Any]


@dataclass(frozen=True)
class Decision:
    """As of when a split was decided, for whom, and (taken, reached) of each arm."""

    at: datetime
    winner: str | None
    figures: Mapping[str, tuple[int, int]]


def drawn(salt: str, key: str) -> float:
    """A lot from 0 to 1: the bucket of the key through a universal hash function of the salt (Carter and Wegman 1979)."""
    a, b = 1 + _first_bytes(f"a:{salt}") % (PRIME - 1), _first_bytes(f"b:{salt}") % PRIME
    return (_first_bytes(key) % PRIME * a + b) % PRIME / PRIME


def _first_bytes(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


def arms_of(split: Step) -> Mapping[str, Step]:
    return {name: arm for name, arm in split["split"].items() if name != "winner"}


def draw(enrolment: Enrolment, split: Step) -> None:
    """An arm for who has none there, or one that is gone."""
    name, arms = split["name"], arms_of(split)
    if enrolment.arms.get(name) in arms:
        return
    enrolment.seen.pop(name, None)
    lot, edge = drawn(f"split:{enrolment.campaign.name}:{name}", enrolment.person.key), 0.0
    for arm, said in arms.items():
        edge += float(said["share"].split()[0]) / 100
        if lot < edge:
            enrolment.arms[name] = arm
            return


def take(enrolment: Enrolment, split: Step, decided: Decision | None, now: datetime) -> Step:
    """The arm of who comes to the split: the winner's once it is known, else her own."""
    name = split["name"]
    assert enrolment.turn_at is not None
    enrolment.taken[name], enrolment.seen[name] = enrolment.turn_at, now
    if "winner" in split["split"] and decided and decided.winner and enrolment.turn_at > decided.at:
        enrolment.arms[name] = decided.winner
    return arms_of(split).get(enrolment.arms[name], {})


def decide(split: Step, everybody: Sequence[Enrolment], now: datetime) -> Decision | None:
    """By goal, as of the instant at which the time was over and enough had taken an arm; None: not yet. Those count who
    were seen before now."""
    name, said = split["name"], split["split"]["winner"]["decide"]
    seen = [one for one in everybody if one.seen.get(name, now) < now and not one.held_out]
    came, enough = sorted(one.taken[name] for one in seen), int(said["at_least"])
    if len(came) < enough:
        return None
    at = max(came[0] + duration(said["after"]), came[enough - 1])
    if at > now:
        return None
    counted = [one for one in seen if one.taken[name] <= at]
    figures = {}
    for arm in arms_of(split):
        own = [one for one in counted if one.arms[name] == arm]
        figures[arm] = len(own), sum(one.goal is not None and one.goal.at <= at for one in own)
    return Decision(at, _winner(figures), figures)


def _winner(figures: Mapping[str, tuple[int, int]]) -> str | None:
    rates = {arm: reached / taken if taken else 0.0 for arm, (taken, reached) in figures.items()}
    best = max(rates, key=lambda arm: (rates[arm], arm))
    return best if all(_differ(figures[best], figures[arm]) for arm in figures if arm != best) else None


def _differ(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """The z-test of two proportions with a pooled rate."""
    (n, reached), (m, reached_too) = one, other
    if not n or not m:
        return False
    pooled = (reached + reached_too) / (n + m)
    error = sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return error > 0 and abs(reached / n - reached_too / m) / error > TWO_SIDED_5_PERCENT
