"""Caps, in the claim: which of the touches that pass every other gate are one too many for their customer.

Their customers' rows are locked, so what others have claimed is seen. A touch loses to every other of its customer that is
due by the same `now`, passes its own gates and stands before it: the higher priority first, then what was due earlier.
Whoever claims first, the same touches win.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, or_, select, union_all

from crm_store.journeys.context import Runnable
from crm_store.journeys.published import current, runnable
from crm_store.journeys.steps import Send, Speaking
from crm_store.ledger.gates import Verdict, barred, look, passing
from crm_store.ledger.judging import NO_WAIT, Group, judge_mails, step_of
from crm_store.ledger.states import DUE, SENT, SKIPPED
from crm_store.ledger.taking import UNDER_WAY, claimed_at
from crm_store.ledger.transitions import put_off
from crm_store.many import ids_of, one_of_ids
from crm_store.restraint.caps import Cap, room_from
from crm_store.schema import enrolment, touch

NAME = "cap"


Rank = tuple[int, datetime, str, str, str]


class Counted(NamedTuple):
    """A touch that counts: when it was claimed, and of what it is. `rank` and `caps`: if it goes by this same `now`."""

    touch_id: int
    at: datetime
    topic: str | None
    channel: str
    rank: Rank | None = None
    caps: tuple[Cap, ...] = ()

    def gives_way(self, rank: Rank | None, cap: Cap) -> bool:
        """Whether it has gone before one that stands before it, and was not kept back for that by the same cap."""
        return self.rank is not None and rank is not None and self.rank > rank and cap not in self.caps


class Contender(NamedTuple):
    """A touch that is due, or was claimed by this same `now`, with what it is under. It sorts before those it wins over."""

    rank: Rank
    touch_id: int
    topic: str | None
    channel: str
    caps: tuple[Cap, ...]
    is_taken: bool

    def counted(self, now: datetime) -> Counted:
        return Counted(self.touch_id, now, self.topic, self.channel, self.rank, self.caps)


@dataclass
class Customer:
    """What a customer has had, and what she is to get now."""

    had: list[Counted] = field(default_factory=list)

    def free_from(self, caps: Iterable[Cap], now: datetime, rank: Rank | None = None) -> datetime:
        """From when on there is room under all of the caps for a touch of that rank; `now`: there is."""
        return max((self._free(cap, now, rank) for cap in caps), default=now)

    def near(self, cap: Cap, now: datetime, rank: Rank | None = None) -> list[Counted]:
        """What she was sent, as far as it counts under the cap: before `now`, and after it if a clock went back."""
        about = (one for one in self.had if cap.is_about(one.topic, one.channel) and not one.gives_way(rank, cap))
        return [one for one in about if abs(one.at - now) < cap.per]

    def _free(self, cap: Cap, now: datetime, rank: Rank | None) -> datetime:
        return room_from([one.at for one in self.near(cap, now, rank)], cap.at_most, cap.per, now)


def uncapped(
    conn: Connection, version: Runnable, step: Speaking, verdicts: Mapping[int, Verdict], now: datetime
) -> dict[int, Verdict]:
    """The verdicts; what passes but is one too many is ended, or put off until there is room (`when_capped: wait`)."""
    message, newest = step.message(version.campaign), current(conn, version.campaign.name)
    policy = newest.campaign.restraint
    caps = policy.caps_of(newest.settings.caps, message.topic, message.channel)
    passed = [touch_id for touch_id, said in verdicts.items() if said.state is None]
    free = _free_from(conn, passed, caps, now) if caps and passed else {}
    capped = [touch_id for touch_id in passed if free.get(touch_id, now) > now]
    expiries = _expiries(conn, capped) if policy.when_capped == "wait" else {}
    said = {touch_id: passing(verdicts[touch_id], NAME) for touch_id in passed}
    for touch_id in capped:
        waits = touch_id in expiries and free[touch_id] < expiries[touch_id]
        said[touch_id] = barred(verdicts[touch_id], NAME, SKIPPED, free[touch_id] if waits else None)
    return {**verdicts, **said}


def room(
    conn: Connection, campaign: str, customer_id: int, now: datetime, channel: str | None = None
) -> Iterator[tuple[Cap, list[Counted]]]:
    """For each cap that a customer is under in a campaign, by a channel or its usual one: what of it she has had."""
    newest = current(conn, campaign)
    one = newest.campaign
    for cap in one.restraint.caps_of(newest.settings.caps, one.topic, channel or one.channel):
        customer = Customer(_counted(conn, {customer_id}, cap.per, now).get(customer_id, []))
        yield cap, customer.near(cap, now)


def _expiries(conn: Connection, ids: Sequence[int]) -> dict[int, datetime]:
    rows = conn.execute(select(touch.c.id, touch.c.expires_at).where(touch.c.id.in_(ids_of(ids))))
    return {touch_id: expires for touch_id, expires in rows.all()}


def _free_from(conn: Connection, ids: Sequence[int], caps: tuple[Cap, ...], now: datetime) -> dict[int, datetime]:
    """From when on there is room for these touches, which are under these caps. `now`, or not named: it may go."""
    longest = max(cap.per for cap in caps)
    whose = _crowded(conn, ids, min(cap.at_most for cap in caps), now - longest)
    if not whose:
        return {}
    had = _counted(conn, set(whose.values()), longest, now)
    taken = {one.touch_id for many in had.values() for one in many if one.at == now}
    rivals = _contenders(conn, whose.keys(), set(whose.values()), taken, now)
    widest = max((cap.per for many in rivals.values() for one in many for cap in one.caps), default=longest)
    if widest > longest:
        had |= _counted(conn, set(rivals), widest, now)
    alone = {one: Customer(had.get(hers, [])) for one, hers in whose.items() if hers not in rivals}
    free = {touch_id: customer.free_from(caps, now) for touch_id, customer in alone.items()}
    for customer_id, contenders in rivals.items():
        free |= _in_turn([one for one in had.get(customer_id, ()) if one.at != now], contenders, now)
    return free


def _crowded(conn: Connection, ids: Sequence[int], room: int, since: datetime) -> dict[int, int]:
    """Those of the touches that may be one too many under a cap that has so much room, with their customers: all is
    counted that is due to her, under way, or was sent since. Of the others nothing more is asked."""
    others = touch.alias("others")
    hers = select(func.count()).where(others.c.customer_id == touch.c.customer_id).correlate(touch)
    here = hers.where(others.c.state.in_((DUE, *UNDER_WAY))).scalar_subquery()
    sent = hers.where(others.c.state == SENT, others.c.sent_at > since).scalar_subquery()
    chosen = select(touch.c.id, touch.c.customer_id).where(one_of_ids(touch.c.id), here + sent > room)
    return {touch_id: customer_id for touch_id, customer_id in conn.execute(chosen, {"ids": ids})}


def _in_turn(had: list[Counted], contenders: Sequence[Contender], now: datetime) -> dict[int, datetime]:
    """Who of them may go, the first first; each that may takes the room from the next. What has gone already by this same
    `now` is seen where it stands in line, so that it does not matter who claims first."""
    customer = Customer([*had, *(one.counted(now) for one in contenders if one.is_taken)])
    free: dict[int, datetime] = {}
    for one in sorted(one for one in contenders if not one.is_taken):
        free[one.touch_id] = customer.free_from(one.caps, now, one.rank)
        if free[one.touch_id] <= now:
            customer.had.append(one.counted(now))
    return free


def _counted(conn: Connection, customer_ids: set[int], longest: timedelta, now: datetime) -> dict[int, list[Counted]]:
    """What counts for these customers, so near to `now` that it could be under a cap with what is claimed now."""
    hers = one_of_ids(touch.c.customer_id), touch.c.topic.is_not(None)
    near = now - longest < claimed_at, now + longest > claimed_at
    columns = touch.c.customer_id, touch.c.id, claimed_at.label("at"), touch.c.topic, touch.c.channel
    chosen = select(*columns).where(*hers, *near)
    sent = chosen.where(touch.c.state == SENT, touch.c.sent_at > now - longest)
    under_way = chosen.where(touch.c.state.in_(UNDER_WAY))
    had: dict[int, list[Counted]] = {}
    for customer_id, *counted in conn.execute(union_all(sent, under_way), {"ids": sorted(customer_ids)}):
        had.setdefault(customer_id, []).append(Counted(*counted))
    return had


def _contenders(
    conn: Connection, ids: Collection[int], customer_ids: set[int], taken: set[int], now: datetime
) -> dict[int, list[Contender]]:
    """The touches of customers for whom there are others, by customer: these, all others due that pass their own gates, and
    those taken by this same `now`."""
    others = touch.alias("others")
    due = others.c.state == DUE, others.c.due_at <= now, others.c.topic.is_not(None)
    several = select(others.c.customer_id).where(one_of_ids(others.c.customer_id), *due)
    several = several.group_by(others.c.customer_id).having(func.count() > 1)
    had = select(touch.c.customer_id).where(touch.c.id.in_(ids_of(taken)))
    found_several = conn.execute(several, {"ids": sorted(customer_ids)}).scalars()
    customers = {*found_several, *conn.execute(had).scalars()}
    is_due = and_(touch.c.customer_id.in_(ids_of(customers)), touch.c.state == DUE, touch.c.due_at <= now)
    chosen = select(touch, enrolment.c.occasion).join(enrolment, enrolment.c.id == touch.c.enrolment_id)
    chosen = chosen.where(touch.c.topic.is_not(None), or_(is_due, touch.c.id.in_(ids_of(taken))))
    rows = conn.execute(chosen.order_by(touch.c.campaign, touch.c.definition_id, touch.c.step)).all()
    goes, found = {*ids, *taken}, dict[int, list[Contender]]()
    for group, mine in groupby(rows, lambda row: Group(row.definition_id, row.campaign, row.step)):
        of_group = list(mine)
        due_at = {row.id: row.due_at for row in of_group if row.id in goes}
        due_at |= _passing(conn, group, {row.id: row.due_at for row in of_group if row.id not in goes}, now)
        newest = current(conn, group.campaign)
        for row in of_group:
            if row.id in due_at:
                one = _contender(row, due_at[row.id], newest, row.id in taken)
                found.setdefault(row.customer_id, []).append(one)
    return found


def _contender(row: Any, due_at: datetime, newest: Runnable, is_taken: bool) -> Contender:
    policy = newest.campaign.restraint
    rank = (-policy.priority, due_at, row.campaign, row.step, row.occasion)
    caps = policy.caps_of(newest.settings.caps, row.topic, row.channel)
    return Contender(rank, row.id, row.topic, row.channel, caps, is_taken)


def _passing(conn: Connection, group: Group, due_at: Mapping[int, datetime], now: datetime) -> dict[int, datetime]:
    """Which of these touches of a group would go if there were no caps, and when they are due: if a pause that is over has
    kept them back and nobody has looked since, at its end."""
    step = step_of(conn, group.definition_id, group.campaign, group.step)
    if not due_at or not isinstance(step, Send):
        return {}
    at = look(conn, runnable(conn, group.definition_id), now, step)
    verdicts = judge_mails(conn, group, at, step, list(due_at), NO_WAIT, is_rival=True)
    over = {touch_id: said.until for touch_id, said in verdicts.items() if said.until is not None and said.until <= now}
    for touch_id, until in over.items():
        said = verdicts[touch_id]
        put_off(conn, {touch_id: until}, reason=said.reason, verdicts=said.words, decided_at=now)
    if over:
        verdicts |= judge_mails(conn, group, at, step, list(over), NO_WAIT, is_rival=True)
    return {touch_id: {**due_at, **over}[touch_id] for touch_id, said in verdicts.items() if said.state is None}
