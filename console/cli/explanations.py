"""Why a customer is or is not in a segment, printed: one screen for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from console.cli.output import cell, say, show_one
from crm_store.clock import local_date, zone_or_none

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from crm_store.segmentation.explaining import Explained, Judged

# What conditions that are made of others are called above them; the others are said in a sentence.
_MADE_OF = {"all": "every one of these:", "any": "at least one of these:", "not": "not:"}


def show_judged(segment: str, key: str, judged: Judged, now: datetime, company: ZoneInfo, as_json: bool) -> None:
    own = zone_or_none(judged.zone) if judged.zone else None
    if as_json:
        show_one(_plain(segment, key, judged, now, company, own), as_json)
        return
    as_of = f"as of {now:%Y-%m-%d %H:%M:%S}Z"
    if judged.found is None:
        say(f"{key} is not in {segment} {as_of}: erased at {judged.erased_at:%Y-%m-%d %H:%M:%S}Z, and in no segment since")
        return
    say(f"{key} is{'' if judged.found.holds else ' not'} in {segment} {as_of}.", _zones(now, company, own), "")
    say(*condition_lines(judged.found))


def _zones(now: datetime, company: ZoneInfo, own: ZoneInfo | None) -> str:
    here = f"{local_date(now, company)} in {company.key}"
    if own is None:
        return f"The customer's zone is not known: dates and the days of events are judged by the company's, {here}."
    there = f"{local_date(now, own)} in {own.key}"
    return f"Dates are judged by the customer's own, {there}; the days of events by the company's, {here}."


def condition_lines(one: Explained, depth: int = 0) -> Iterator[str]:
    said = _MADE_OF.get(one.condition.kind) or one.condition.sentence()
    values = ", ".join(f"{name}: {_said(value)}" for name, value in one.values.items())
    yield f"{'yes' if one.holds else 'no':5}{'  ' * depth}{said}{f'   [{values}]' if values else ''}"
    for part in one.parts:
        yield from condition_lines(part, depth + 1)


def _said(value: Any) -> str:
    """A value on the screen. Numbers without separators: a year is one, too."""
    if isinstance(value, float):
        return f"{round(value, 4):g}" if abs(value) < 1_000 else f"{value:.2f}"
    return "none" if value is None else cell(value) if isinstance(value, (bool, datetime)) else str(value)


def _plain(
    segment: str, key: str, judged: Judged, now: datetime, company: ZoneInfo, own: ZoneInfo | None
) -> Mapping[str, Any]:
    return {
        "segment": segment,
        "customer": key,
        "now": now,
        "member": judged.found is not None and judged.found.holds,
        "erased_at": judged.erased_at,
        "customer_zone": own.key if own else None,
        "customer_date": local_date(now, own or company),
        "company_zone": company.key,
        "company_date": local_date(now, company),
        "condition": plain_condition(judged.found) if judged.found else None,
    }


def plain_condition(one: Explained) -> Mapping[str, Any]:
    return {
        "kind": one.condition.kind,
        "says": one.condition.sentence(),
        "holds": one.holds,
        "values": dict(one.values),
        "parts": [plain_condition(part) for part in one.parts],
    }
