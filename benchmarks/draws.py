"""Who buys what when: arrays drawn from the shape. Instants are microseconds since 1970, amounts minor units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.shape import DAY, HOUR, NOW_MICROS, SEED, WEEK, Shape
from crm_store.clock import from_micros, micros

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]


def generator(part: str) -> Generator:
    """Random numbers of a part of the store: the same in every run, whatever the other parts draw."""
    return np.random.default_rng([SEED, *part.encode()])


class Calendar:
    """Turns even time into the shop's: more in November, none at night. Keeps the order of days."""

    def __init__(self, shape: Shape) -> None:
        self.first = _midnight(NOW_MICROS - shape.weeks * WEEK)
        days = [from_micros(self.first) + timedelta(days=day) for day in range(shape.weeks * 7 + shape.days_after + 1)]
        weights = [shape.months[day.month] * shape.weekdays[day.weekday()] for day in days]
        self._even = np.linspace(0, 1, len(days) + 1)
        self._shop = np.concatenate([[0], np.cumsum(weights)]) / sum(weights)
        self._days = len(days)
        self._hours = np.array(list(shape.hours)), np.array(list(shape.hours.values())).cumsum()

    def instants(self, weeks: Floats, rng: Generator) -> Ints:
        """Instants of times that are counted in weeks since the beginning."""
        day = np.floor(np.interp(weeks * 7 / self._days, self._shop, self._even) * self._days).astype(np.int64)
        hours, shares = self._hours
        hour = hours[np.minimum(np.searchsorted(shares, rng.random(len(weeks))), len(hours) - 1)]
        result: Ints = self.first + day * DAY + hour * HOUR + rng.integers(0, HOUR, len(weeks))
        return result


def _midnight(instant: int) -> int:
    day = from_micros(instant)
    return micros(datetime(day.year, day.month, day.day, tzinfo=UTC))


@dataclass(frozen=True)
class People:
    """Customer i: bought first in week `since[i]`, buys `rate[i]` times a week for `life[i]` weeks; prospects never buy."""

    since: Floats
    rate: Floats
    life: Floats
    prospect: NDArray[np.bool_]

    @property
    def size(self) -> int:
        return len(self.since)


def people(shape: Shape, size: int) -> People:
    """Pareto/NBD: everybody's rate and life."""
    rng, fit = generator("people"), shape.purchases
    since = rng.uniform(0, shape.weeks, size)
    rate = rng.gamma(fit["r"], 1 / fit["alpha"], size)
    dying = rng.gamma(fit["s"], 1 / fit["beta"], size)
    left = shape.weeks + shape.days_after / 7 - since
    life = np.minimum(rng.exponential(1, size) / np.maximum(dying, 1e-12), left)
    return People(since, rate, life, rng.random(size) < shape.prospects)


@dataclass(frozen=True)
class Facts:
    """Facts of customers, in the order of their instants."""

    owner: Ints  # counted from 0
    at: Ints

    def __len__(self) -> int:
        return len(self.owner)


def orders(shape: Shape, them: People, calendar: Calendar) -> Facts:
    """The first order of each, and the repeats at even times within the life."""
    rng = generator("orders")
    repeats = rng.poisson(them.rate * them.life)
    hot = rng.choice(them.size, max(1, round(shape.hot * them.size / 1_000_000)), replace=False)
    repeats[hot] = rng.integers(149, 250, len(hot))
    count = np.where(them.prospect, 0, 1 + repeats)
    owner = np.repeat(np.arange(them.size), count)
    first = np.concatenate([[True], owner[1:] != owner[:-1]])
    left = np.where(repeats > 100, shape.weeks - them.since, them.life)
    weeks = them.since[owner] + np.where(first, 0, rng.random(len(owner)) * left[owner])
    return in_order(owner, calendar.instants(weeks, rng))


def visits(shape: Shape, them: People, calendar: Calendar, part: str, count: int) -> Facts:
    """So many other facts, of customers by the same rate: whoever is hot in one table is hot in all."""
    rng = generator(part)
    owner = drawn(rng, them.rate + 1e-6, count)
    left = shape.weeks + shape.days_after / 7 - them.since[owner]
    return in_order(owner, calendar.instants(them.since[owner] + rng.random(count) * left, rng))


def drawn(rng: Generator, weights: Floats, count: int) -> Ints:
    """So many positions, each with a chance by its weight."""
    sums = np.cumsum(weights)
    found: Ints = np.minimum(np.searchsorted(sums, rng.random(count) * sums[-1]), len(weights) - 1)
    return found


def in_order(owner: Ints, at: Ints) -> Facts:
    order = np.argsort(at, kind="stable")
    return Facts(owner[order], at[order])


def amounts(shape: Shape, size: int, facts: Facts) -> Ints:
    """The value of each order, Gamma-Gamma; of wholesale customers lognormal. At least one minor unit."""
    rng, fit = generator("amounts"), shape.values
    nu = rng.gamma(fit["q"], 1 / fit["v"], size)
    value = rng.gamma(fit["p"], 1, len(facts)) / nu[facts.owner]
    wholesale = rng.random(size) < shape.wholesale["share"]
    large = rng.lognormal(shape.wholesale["mu"], shape.wholesale["sigma"], len(facts))
    minor: Ints = np.maximum(1, np.rint(100 * np.where(wholesale[facts.owner], large, value))).astype(np.int64)
    return minor


@dataclass(frozen=True)
class Lines:
    """The lines of orders: `order` counts from 0, `line` from 1; amounts add up to the order's but for rounding."""

    order: Ints
    line: Ints
    product: Ints
    quantity: Ints
    amount: Ints


def lines(shape: Shape, worth: Ints) -> Lines:
    rng = generator("lines")
    count = np.maximum(1, np.rint(rng.lognormal(*shape.lines, len(worth)) * shape.lines_scale)).astype(np.int64)
    order = np.repeat(np.arange(len(worth)), count)
    starts = np.concatenate([[0], np.cumsum(count)[:-1]])
    weight = rng.random(len(order)) + 0.1
    share = weight / np.add.reduceat(weight, starts)[order]
    return Lines(
        order=order,
        line=np.arange(len(order)) - starts[order] + 1,
        product=drawn(rng, popularity(shape), len(order)),
        quantity=1 + rng.poisson(0.6, len(order)),
        amount=np.floor(worth[order] * share).astype(np.int64),
    )


def popularity(shape: Shape) -> Floats:
    """The weight of each product, the most popular first."""
    rank = np.arange(1, shape.products + 1, dtype=np.float64)
    tail = 500**-shape.zipf * (rank / 500) ** -shape.zipf_tail
    return np.where(rank <= 500, rank**-shape.zipf, tail)


def picked(rng: Generator, values: Sequence[str | None], shares: Sequence[float], count: int) -> list[str | None]:
    """So many of the values, by their shares."""
    found = drawn(rng, np.array(shares, dtype=np.float64), count)
    return [values[one] for one in found.tolist()]
