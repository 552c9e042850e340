"""What people must know before anything else: feeds that are stale, campaigns and runs that are held, what somebody has
paused, what is still in the hands of a delivery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from crm_store.clock import roughly, span
from crm_store.content.sources import CAMPAIGNS, VOCABULARY
from crm_store.insight.runs import Waiting, held_runs
from crm_store.journeys.context import Standing
from crm_store.journeys.feeds import Stale, stale_feeds
from crm_store.journeys.held import FILE_GONE
from crm_store.journeys.published import standings
from crm_store.ledger.settling import InHand, in_hand
from crm_store.store import Store, machine_now


@dataclass(frozen=True)
class Alert:
    """Something that waits, and the way out. `about`: what it is, whatever the time; `says`: the line, ages in it."""

    campaigns: tuple[str, ...]
    about: str
    says: str = field(compare=False)

    def __str__(self) -> str:
        return self.says


def alerts(store: Store, now: datetime) -> list[Alert]:
    """A line for each stale feed, for each campaign or run that is held or paused, for a pause of all; and what to do."""
    with store.read() as conn:
        known, stale, waiting = standings(conn), stale_feeds(conn, now), held_runs(conn)
    gone = [_gone(one, now) for one in known if one.held == FILE_GONE]
    return [*map(_stale, stale), *gone, *_paused(known), *map(_held, waiting)]


def leases(store: Store) -> Iterator[Alert]:
    """That touches are in the hands of a delivery, and from when on others take them up if it was killed."""
    with store.read() as conn:
        found, clock = in_hand(conn), machine_now(conn)
    if found is not None:
        yield _in_hand(found, clock)


def new_since(before: Sequence[Alert], found: Sequence[Alert]) -> list[Alert]:
    return [alert for alert in found if alert not in before]


def _stale(one: Stale) -> Alert:
    came = f"the newest is {roughly(one.now - one.newest)} old ({_utc(one.newest)})" if one.newest else "none has come in"
    waits = f"nothing of {', '.join(one.campaigns)} is planned or sent"
    out = f"`rapport import events FILE` brings newer ones, or let `fresh` in {VOCABULARY} be longer"
    says = f"feed '{one.kind}' is stale: {came}, fresh is up to {span(one.fresh)}; {waits}. {out}"
    return Alert(one.campaigns, f"stale: {one.kind}", says)


def _paused(known: Sequence[Standing]) -> Iterator[Alert]:
    """One for the pause of all, and one for each campaign that is paused beside: its own end is not enough then."""
    of_all = next((brake for one in known for brake in one.brakes if brake.of_all), None)
    if of_all is not None:
        says = f"all campaigns are {of_all}; `rapport campaign resume --all` lets them go on"
        yield Alert(tuple(one.name for one in known), "paused: all campaigns", says)
    for one in known:
        for own in (brake for brake in one.brakes if not brake.of_all):
            out = f"`rapport campaign resume {one.name}`"
            goes = f"it goes on after {out} and `rapport campaign resume --all`" if of_all else f"{out} lets it go on"
            yield Alert((one.name,), f"paused: {one.name}", f"campaign '{one.name}' is {own}; {goes}")


def _held(run: Waiting) -> Alert:
    what = f"campaign '{run.campaign}': run {run.id} (as of {_utc(run.now)}) is held: {run.why}"
    go, end = f"rapport run --accept {run.campaign}", f"rapport campaign stop {run.campaign} --run {run.id}"
    return Alert((run.campaign,), f"held: {run.id}", f"{what}; `{go}` lets it go, `{end}` ends it")


def _gone(one: Standing, now: datetime) -> Alert:
    """Since when is said if it is in the past: somebody may have published as of a later `now`."""
    since = f" since {_utc(one.held_since)}" if one.held_since and one.held_since <= now else ""
    what = f"campaign '{one.name}' is held{since}: {one.held}; nothing of it is sent"
    out = f"Put {CAMPAIGNS}/{one.name}.yaml back, or end it there with `status: ended`"
    return Alert((one.name,), f"gone: {one.name}", f"{what}. {out}")


def _in_hand(found: InHand, clock: datetime) -> Alert:
    counts = ", ".join(f"{count:,} {state}" for state, count in found.counts.items())
    waits = f"after {found.until:%H:%M:%S} UTC" if found.until > clock else "now: its lease is over"
    what = f"touches of {', '.join(found.campaigns)} are in the hands of a delivery: {counts}"
    says = f"{what}; if it was killed, `rapport run` goes on with them {waits}"
    return Alert(found.campaigns, "in hand", says)


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
