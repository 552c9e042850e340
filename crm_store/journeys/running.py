"""`runs: {from, until}`: when a campaign takes anybody in. Who is in goes on after that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from crm_store.clock import local_instant
from crm_store.content.faults import Fault, Faults
from crm_store.content.fields import Fields, text
from crm_store.content.literals import parse_local
from crm_store.content.nodes import Node


@dataclass(frozen=True)
class Runs:
    """Right instants of entries lie in [begins, ends). None: always. `written`: as the file says it, company time."""

    begins: datetime | None = None
    ends: datetime | None = None
    written: str = "always"


ALWAYS = Runs()


def read_runs(node: Node, zone: ZoneInfo, faults: Faults) -> Runs:
    """`{from: 2026-12-01, until: 2026-12-24 18:00}`, local to the company; a date alone is that whole day."""
    fields = Fields(node, faults, "'runs'")
    begins, ends = fields.maybe("from", _local), fields.maybe("until", _local)
    if not fields.has("from") and not fields.has("until"):
        fields.fault(node.place, "'runs' needs 'from', 'until' or both")
    fields.close()
    runs = Runs(
        _instant(begins, zone) if begins else None,
        _instant(ends + timedelta(days=1) if _is_day(ends) else ends, zone) if ends else None,
        " ".join(f"{word} {said}" for word, said in (("from", begins), ("until", ends)) if said),
    )
    if runs.begins and runs.ends and runs.ends <= runs.begins:
        raise Fault(node.place, f"'runs' {runs.written} is empty; the earlier comes first")
    return runs


def _local(node: Node) -> date | datetime:
    found = parse_local(text(node), node)
    if found is None:
        raise Fault(node.place, f"'{text(node)}' is not a date; write e.g. 2026-12-01 or 2026-12-24 18:00")
    return found


def _is_day(local: date) -> bool:
    return not isinstance(local, datetime)


def _instant(local: date, zone: ZoneInfo) -> datetime:
    at = local.time() if isinstance(local, datetime) else time(0)
    return local_instant(local.date() if isinstance(local, datetime) else local, at, zone)
