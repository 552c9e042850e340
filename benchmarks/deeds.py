"""What the customers of a made-up store did: products, events with their lines, and the tallies in step with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.bulk import Bulk, Columns, load
from benchmarks.draws import Calendar, Facts, Ints, People, amounts, generator, lines, orders, visits
from benchmarks.persons import CURRENCY, HOMES, Homes
from benchmarks.shape import DAY, HOUR, Shape
from crm_store.clock import from_micros
from crm_store.schema import event, event_item, product, tally

# A catalogue of a grocer's, made up: departments with their shelves. Coffee is a fifteenth of the products.
SHELVES = {
    "GROCERY": ("COFFEE/GROUND", "COFFEE/WHOLE BEAN", "TEA/BLACK", "TEA/GREEN", "PASTA", "SNACKS/NUTS", "SNACKS/CHIPS"),
    "FRESH": ("CHEESE/SOFT", "CHEESE/HARD", "FRUIT", "VEGETABLES", "BREAD"),
    "DRINKS": ("WINE/RED", "WINE/WHITE", "BEER", "WATER"),
    "HOME": ("KITCHEN/GRINDERS", "KITCHEN/PANS", "GARDEN/SEEDS", "GARDEN/TOOLS", "TOYS", "BOOKS"),
}
CATEGORIES = tuple(f"{department}/{shelf}" for department, shelves in SHELVES.items() for shelf in shelves)
BRANDS = tuple(f"brand-{number}" for number in range(60))
PAGES = tuple(f'{{"page": "{name.lower()}", "seconds": {seconds}}}' for name in CATEGORIES for seconds in (5, 30, 120))
STORES = ("web", "web", "web", "app", "berlin-1", "hamburg-1", "wien-1")


@dataclass(frozen=True)
class Kind:
    """Events of one kind with the columns that are its own."""

    name: str
    facts: Facts
    amount: Ints | None
    properties: Callable[[Ints], Sequence[str]]  # of these facts, by their places among them


def write_deeds(bulk: Bulk, shape: Shape, them: People, homes: Homes, calendar: Calendar) -> None:
    """Products, then all events in the order of their instants, as an intake that keeps up would have them."""
    _write_products(bulk, shape)
    bought = orders(shape, them, calendar)
    worth = amounts(shape, them.size, bought)
    kinds = _kinds(shape, them, calendar, bought, worth)
    sizes = np.array([len(kind.facts) for kind in kinds])
    order = np.argsort(np.concatenate([kind.facts.at for kind in kinds]), kind="stable")
    which = np.repeat(np.arange(len(kinds)), sizes)[order]
    place = order - np.concatenate([[0], np.cumsum(sizes)[:-1]])[which]
    load(bulk, event, len(order), _events(kinds, which, place, homes))
    ids = np.empty(len(bought), dtype=np.int64)
    ids[place[which == 0]] = np.flatnonzero(which == 0) + 1
    _write_lines(bulk, shape, worth, ids)


def count_tallies(bulk: Bulk) -> None:
    """The tallies of all events, by the database itself."""
    names = ", ".join(f'"{column.name}"' for column in tally.columns)
    bulk.run(
        f"INSERT INTO tally ({names}) SELECT kind, customer_id, coalesce(currency, ''), count(*), coalesce(sum(amount), 0),"
        " min(at), max(at) FROM event GROUP BY kind, customer_id, coalesce(currency, '') ORDER BY 1, 2, 3"
    )


def _kinds(shape: Shape, them: People, calendar: Calendar, bought: Facts, worth: Ints) -> list[Kind]:
    scale = them.size / 1_000_000
    count = {"cart": round(shape.mix["cart"] * scale), "refund": round(len(bought) * shape.refunds)}
    count["page_view"] = max(0, shape.events_each * them.size - len(bought) - sum(count.values()))
    carts = _Carts(shape, them, calendar, bought, count["cart"])
    refunds, returned = _refunds(bought, worth, count["refund"])
    pages = generator("pages").integers(0, len(PAGES), count["page_view"])
    views = visits(shape, them, calendar, "views", count["page_view"])
    return [
        Kind("order", bought, worth, _order_properties(bought, carts.of_order)),
        Kind("cart_updated", carts.facts, None, lambda at: [f'{{"cart_id": "cart-{one}"}}' for one in at.tolist()]),
        Kind("refund", refunds, returned, lambda at: ["{}"] * len(at)),
        Kind("page_view", views, None, lambda at: [PAGES[one] for one in pages[at].tolist()]),
    ]


class _Carts:
    """Carts, some of which (shape.cart_converts) became an order within a day."""

    def __init__(self, shape: Shape, them: People, calendar: Calendar, bought: Facts, count: int) -> None:
        rng = generator("carts")
        became = min(len(bought), round(count * shape.cart_converts))
        order = rng.choice(len(bought), became, replace=False)
        left = visits(shape, them, calendar, "left carts", count - became)
        owner = np.concatenate([bought.owner[order], left.owner])
        at = np.concatenate([bought.at[order] - rng.integers(HOUR // 60, DAY, became), left.at])
        sequence = np.argsort(at, kind="stable")
        place = np.empty(count, dtype=np.int64)
        place[sequence] = np.arange(count)
        self.facts = Facts(owner[sequence], at[sequence])
        self.of_order = np.full(len(bought), -1)
        self.of_order[order] = place[:became]


def _refunds(bought: Facts, worth: Ints, count: int) -> tuple[Facts, Ints]:
    """Refunds of whole orders within ten days; those due later than the last order are still to come."""
    rng = generator("refunds")
    of = rng.choice(len(bought), min(count, len(bought)), replace=False)
    at = bought.at[of] + rng.integers(DAY, 10 * DAY, len(of))
    of, at = of[at <= bought.at[-1]], at[at <= bought.at[-1]]
    order = np.argsort(at, kind="stable")
    return Facts(bought.owner[of][order], at[order]), worth[of][order]


def _order_properties(bought: Facts, cart: Ints) -> Callable[[Ints], list[str]]:
    """JSON: store, delivered_on (a date three days on), gift, and the cart it came from, if any."""
    rng = generator("properties")
    store, gift = rng.integers(0, len(STORES), len(bought)), rng.random(len(bought)) < 0.07
    day = (bought.at // DAY).astype(np.int64)
    dates = {int(one): from_micros((int(one) + 3) * DAY).date().isoformat() for one in np.unique(day)}

    def texts(at: Ints) -> list[str]:
        chosen = (one[at].tolist() for one in (store, gift, day, cart))
        return [
            f'{{"store": "{STORES[shop]}", "delivered_on": "{dates[when]}"'
            + (', "gift": true' if given else "")
            + (f', "cart_id": "cart-{number}"}}' if number >= 0 else "}")
            for shop, given, when, number in zip(*chosen, strict=True)
        ]

    return texts


def _events(kinds: list[Kind], which: Ints, place: Ints, homes: Homes) -> Callable[[slice], Columns]:
    owner = np.concatenate([kind.facts.owner for kind in kinds])
    at = np.concatenate([kind.facts.at for kind in kinds])
    starts = np.concatenate([[0], np.cumsum([len(kind.facts) for kind in kinds])[:-1]])
    codes = [CURRENCY[one.country] for one in HOMES]

    def columns(part: slice) -> Columns:
        kind, spot = which[part], place[part]
        index = starts[kind] + spot
        size = len(index)
        amount, properties = np.full(size, -1), np.empty(size, dtype=object)
        for number, one in enumerate(kinds):
            here = np.flatnonzero(kind == number)
            properties[here] = one.properties(spot[here])
            if one.amount is not None:
                amount[here] = one.amount[spot[here]]
        sums = [None if one < 0 else one for one in amount.tolist()]
        code = [codes[one] for one in homes.home[owner[index]].tolist()]
        return {
            "id": list(range(part.start + 1, part.stop + 1)),
            "customer_id": owner[index] + 1,
            "kind": [kinds[one].name for one in kind.tolist()],
            "at": at[index],
            "amount": sums,
            "currency": [None if one is None else name for one, name in zip(sums, code, strict=True)],
            "properties": properties,
            "source": "shop",
            "dedupe_key": [f"id:{number:09d}" for number in range(part.start, part.stop)],
        }

    return columns


def _write_products(bulk: Bulk, shape: Shape) -> None:
    rng = generator("products")
    price = np.rint(rng.lognormal(6.2, 0.8, shape.products)).astype(np.int64)

    def columns(part: slice) -> Columns:
        number = range(part.start, part.stop)
        return {
            "id": [one + 1 for one in number],
            "key": [f"product-{one + 1:04d}" for one in number],
            "title": [f"Product {one + 1}" for one in number],
            "category": [CATEGORIES[one % len(CATEGORIES)] for one in number],
            "brand": [BRANDS[one % len(BRANDS)] for one in number],
            "price": price[part],
            "currency": "EUR",
            "attributes": "{}",
            "stub": 0,
        }

    load(bulk, product, shape.products, columns)


def _write_lines(bulk: Bulk, shape: Shape, worth: Ints, ids: Ints) -> None:
    """The lines of all orders, by the orders' row numbers (which rise with the orders' instants)."""
    found = lines(shape, worth)

    def columns(part: slice) -> Columns:
        return {
            "event_id": ids[found.order[part]],
            "line": found.line[part],
            "product_id": found.product[part] + 1,
            "quantity": found.quantity[part].astype(np.float64),
            "amount": found.amount[part],
        }

    load(bulk, event_item, len(found.order), columns)
