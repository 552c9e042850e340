"""Importing the demo's year: the real data and the made-up details, each under its own source; twice adds nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from console.demo import people
from crm_store.consent.record import suppress
from crm_store.intake.customers import Customers
from crm_store.intake.events import Events
from crm_store.intake.importers import complete_journey as journey
from crm_store.intake.importing import Intake, Line, Refused, import_lines
from crm_store.intake.outcome import Outcome
from crm_store.intake.products import Products
from crm_store.intake.readers import Rejects
from crm_store.store import Store

Progress = Callable[[str, int], None]


# How many of each there are, for a bar to be drawn.
EXPECTED = {"products": 92_331, "households": 2_469, "orders": 155_848, "paper mailings": 6_589}


def import_year(store: Store, rejects_folder: Path, progress: Progress = lambda _, __: None) -> dict[str, Outcome]:
    """Everything, in the order it refers to each other: outcomes by name. `progress` is told a name and how many more."""
    folder = journey.data_folder()
    everybody = people.make_up(journey.first_baskets(folder), journey.demographics(folder))
    parts: list[tuple[str, Intake[Any], Iterable[Line | Refused], str]] = [
        ("products", Products(), journey.products(folder), journey.SOURCE),
        ("households", Customers(), people.customers(everybody), people.SOURCE),
        ("orders", Events(), journey.orders(folder), journey.SOURCE),
        ("paper mailings", Events(), journey.mailings(folder), journey.SOURCE),
        ("coupons redeemed", Events(), journey.redemptions(folder), journey.SOURCE),
        ("sign-ups", Events(), people.sign_ups(everybody), people.SOURCE),
    ]
    done = {}
    for name, intake, lines, source in parts:
        with Rejects(rejects_folder / f"{name.replace(' ', '-')}.jsonl") as rejects:
            done[name] = import_lines(store, intake, lines, rejects, source, lambda count, n=name: progress(n, count))  # type: ignore[misc]  # binds the loop's name
    store.write(suppress, [person.suppression for person in everybody if person.suppression])
    return done
