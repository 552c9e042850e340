"""The measured figures that made-up stores are drawn from: `load_shape.json`, each with its source."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import log, sqrt
from pathlib import Path
from typing import Any

from crm_store.clock import micros

NOW = datetime(2026, 6, 15, 22, 30, tzinfo=UTC)  # in Berlin the 16th has begun, in New York it is the 15th
SEED = 20260615
WEEK, DAY, HOUR = (timedelta(**{unit: 1}) // timedelta(microseconds=1) for unit in ("weeks", "days", "hours"))


@dataclass(frozen=True)
class Shape:
    """What is measured (load_shape.json names the sources) and, below, what is assumed.

    Times in weeks, rates per week, values in major units. `mix`: facts by kind for a million customers.
    """

    weeks: int
    purchases: dict[str, float]  # Pareto/NBD, fitted to CDNOW: r, alpha, s, beta
    values: dict[str, float]  # Gamma-Gamma, fitted to CDNOW: p, q, v
    wholesale: dict[str, float]  # lognormal mu, sigma of Online Retail; the share is assumed
    lines: tuple[float, float]  # lognormal mu, sigma of the lines of an order, Online Retail
    products: int
    zipf: float
    hours: dict[int, float]
    weekdays: tuple[float, ...]  # from Monday
    months: dict[int, float]
    refunds: float
    mix: dict[str, int]
    # Assumed:
    prospects: float = 0.10  # registered, never bought
    days_after: int = 3  # facts after NOW, which must not count
    lines_scale: float = 1 / 8  # Online Retail sells to shops; without this a million customers have 50 million lines
    zipf_tail: float = 1.35  # popularity falls faster after the 500th product, so that the top 10 % make 45.6 % of lines
    hot: int = 20  # of a million customers; these have 150-250 orders
    events_each: int = 10  # rows of `event` a customer; page views fill them up beyond the measured mix
    cart_converts: float = 0.35  # of carts


def load_shape() -> Shape:
    """The shape of load_shape.json."""
    raw: dict[str, Any] = json.loads(Path(__file__).with_name("load_shape.json").read_text())
    orders, value, lines = raw["purchases"], raw["order_value"], raw["order_lines"]
    times, wholesale = raw["time_of_day"], value["wholesale_mix"]
    months = {int(month): float(count) for month, count in times["month_factor_online_retail_2011"].items()}
    return Shape(
        weeks=104,
        purchases={name: orders[name] for name in ("r", "alpha", "s", "beta")},
        values={name: value[name] for name in ("p", "q", "v")},
        wholesale={"share": wholesale["share_of_customers"], **wholesale["lognormal"]},
        lines=(log(lines["p50"]), sqrt(2 * log(lines["mean"] / lines["p50"]))),
        products=raw["product_popularity"]["products"],
        zipf=raw["product_popularity"]["zipf_exponent_top500"],
        hours={int(hour): share for hour, share in times["hour_share"].items()},
        weekdays=tuple(times["weekday_share_mon_to_sun"]["cdnow"]),
        months={**months, 12: sum(months.values()) / len(months)},  # December was not measured
        refunds=raw["dirt"]["cancelled_invoices"],
        mix={name: count for name, count in raw["event_mix_to_10M"].items() if name != "note"},
    )


NOW_MICROS = micros(NOW)
