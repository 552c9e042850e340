"""What the customers of a made-up store were sent: enrolments, touches, what became of them, offers, follow-ups.

Measured: how many sends, opens and clicks there are, as far as load_shape.json has them. Everything else is assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.bulk import Bulk, Columns, load
from benchmarks.draws import Ints, People, drawn, generator
from benchmarks.persons import Homes, or_none
from benchmarks.shape import DAY, HOUR, NOW_MICROS, WEEK, Shape
from crm_store.schema import (
    campaign,
    campaign_run,
    definition,
    enrolment,
    follow_up,
    followed_segment,
    offer,
    segment_member,
    touch,
    touch_event,
)


@dataclass(frozen=True)
class Sending:
    """A campaign of two mails a week apart; `share` of all enrolments; the second mail may carry an offer."""

    name: str
    kind: str
    share: float
    mails: tuple[str, str]
    offer: str | None = None


SENDINGS = (
    Sending("digest", "nurture", 0.6, ("digest", "digest-more")),
    Sending("welcome", "nurture", 0.15, ("welcome", "welcome-voucher"), "welcome"),
    Sending("birthday", "occasion", 0.15, ("birthday-treat", "treat-reminder"), "treat"),
    Sending("win-back", "winback", 0.1, ("we-miss-you", "last-voucher")),
)
LINKS = tuple(f"https://shop.example/{page}" for page in ("coffee", "tea", "sale", "account", "recipes/pasta"))
FOLLOWED = ("regulars", "big-baskets", "coffee-lovers")
SOON = NOW_MICROS + 3 * DAY  # what is due later has not been sent


def write_mails(bulk: Bulk, shape: Shape, them: People, homes: Homes) -> None:
    """Enrolments and whatever hangs on them."""
    _write_campaigns(bulk, shape)
    entered = _entered(shape, homes)
    load(bulk, enrolment, len(entered), _enrolments(entered))
    _write_offers(bulk, entered)
    sent = _write_touches(bulk, shape, entered)
    scale = them.size / 1_000_000
    for kind, count, first in (("opened", shape.mix["open"], 1), ("clicked", shape.mix["click"], 2_000_000_000)):
        _write_reactions(bulk, sent, them, kind, round(count * scale), first)
    for number, (kind, share) in enumerate((("bounced", 0.005), ("unsubscribed", 0.004), ("complained", 0.0005))):
        _write_reactions(bulk, sent, None, kind, round(len(sent) * share), (3 + number) * 10**8)
    _write_follow_ups(bulk, them.size)
    _write_members(bulk, homes)


@dataclass(frozen=True)
class Entered:
    """Enrolments in the order of their instants; `who` from 0, `campaign` a place in SENDINGS."""

    who: Ints
    campaign: Ints
    at: Ints
    held_out: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

    def __len__(self) -> int:
        return len(self.who)


def _write_campaigns(bulk: Bulk, shape: Shape) -> None:
    names, size = [one.name for one in SENDINGS], len(SENDINGS)
    mails = [mail for one in SENDINGS for mail in one.mails]
    begin = NOW_MICROS - shape.weeks * WEEK
    kinds = ["campaign"] * size + ["template"] * len(mails)
    bulk_rows: Columns = {
        "id": list(range(1, len(kinds) + 1)),
        "kind": kinds,
        "name": names + mails,
        "hash": [f"made-up-{one}" for one in names + mails],
        "files": "{}",
        "renderer": "none",
        "published_at": begin,
    }
    load(bulk, definition, len(kinds), lambda _: bulk_rows)
    kinds = [one.kind for one in SENDINGS]
    live: Columns = {"name": names, "kind": kinds, "status": "live", "live_since": begin, "plans": 0}
    load(bulk, campaign, size, lambda _: live)
    load(bulk, campaign_run, size * _runs(shape), lambda part: _run_columns(part, names, begin))


def _runs(shape: Shape) -> int:
    """Runs of each campaign: one a week."""
    return shape.weeks + 3


def _run_columns(part: slice, names: list[str], begin: int) -> Columns:
    number = list(range(part.start, part.stop))
    at = [begin + one // len(names) * WEEK for one in number]
    who = [names[one % len(names)] for one in number]
    return {"id": [one + 1 for one in number], "campaign": who, "now": at, "started_at": at, "eligible": 0}


def _entered(shape: Shape, homes: Homes) -> Entered:
    """Half as many as sends, each with two; even over all who ever agreed to offers."""
    rng = generator("enrolments")
    size = round(shape.mix["send"] * homes.size / 1_000_000 / 2)
    agreed = np.flatnonzero(homes.offers < 4)
    who = agreed[rng.integers(0, len(agreed), size)]
    begin = homes.created[who] + DAY
    at = begin + (rng.random(size) * np.maximum(SOON - begin, DAY)).astype(np.int64)
    order = np.argsort(at, kind="stable")
    shares = np.array([one.share for one in SENDINGS])
    return Entered(who[order], drawn(rng, shares, size), at[order], rng.random(size) < 0.05)


def _enrolments(entered: Entered) -> Callable[[slice], Columns]:
    rng = generator("ends")
    size = len(entered)
    end = entered.at + 8 * DAY
    left = rng.random(size) < 0.08
    over = end <= NOW_MICROS
    goal = np.where(rng.random(size) < 0.08, entered.at + rng.integers(DAY, 7 * DAY, size), -1)

    def columns(part: slice) -> Columns:
        chosen = entered.campaign[part].tolist()
        gone, done = left[part] & over[part], ~left[part] & over[part]
        return {
            "id": list(range(part.start + 1, part.stop + 1)),
            "campaign": [SENDINGS[one].name for one in chosen],
            "customer_id": entered.who[part] + 1,
            "occasion": [str(number) for number in range(part.start, part.stop)],
            "definition_id": [one + 1 for one in chosen],
            "state": ["left" if out else "finished" if ok else "in" for out, ok in zip(gone, done, strict=True)],
            "reason": ["exit" if out else None for out in gone],
            "entered_at": entered.at[part],
            "trigger_at": entered.at[part],
            "step": [SENDINGS[one].mails[1] for one in chosen],
            "past": [False] * len(chosen),
            "finished_at": or_none(np.where(done, end[part], -1)),
            "left_at": or_none(np.where(gone, end[part], -1)),
            "goal_at": or_none(goal[part]),
            "held_out_at": or_none(np.where(entered.held_out[part], entered.at[part], -1)),
        }

    return columns


def _write_offers(bulk: Bulk, entered: Entered) -> None:
    """One with each enrolment of a campaign that has offers; 12 % were redeemed within their two weeks."""
    rng = generator("offers")
    giving = np.array([one.offer is not None for one in SENDINGS])
    which = np.flatnonzero(giving[entered.campaign] & ~entered.held_out)
    issued = entered.at[which] + HOUR
    redeemed = np.where(rng.random(len(which)) < 0.12, issued + rng.integers(HOUR, 14 * DAY, len(which)), -1)

    def columns(part: slice) -> Columns:
        of = [SENDINGS[one] for one in entered.campaign[which[part]].tolist()]
        return {
            "id": list(range(part.start + 1, part.stop + 1)),
            "enrolment_id": which[part] + 1,
            "customer_id": entered.who[which[part]] + 1,
            "campaign": [one.name for one in of],
            "name": [one.offer for one in of],
            "code": [f"{number:08X}" for number in range(part.start, part.stop)],
            "is_unique": [True] * len(of),
            "issued_at": issued[part],
            "valid_until": issued[part] + 14 * DAY,
            "redeemed_at": or_none(redeemed[part]),
        }

    load(bulk, offer, len(which), columns)


@dataclass(frozen=True)
class Sent:
    """Touches that were sent: their row numbers, customers (from 0) and instants."""

    touch: Ints
    who: Ints
    at: Ints

    def __len__(self) -> int:
        return len(self.touch)


STATES = ("sent", "skipped", "failed", "cancelled", "due")


def _write_touches(bulk: Bulk, shape: Shape, entered: Entered) -> Sent:
    """Two for each enrolment that is not held out, in the order they were due; 93 % sent, those after SOON still due."""
    rng = generator("touches")
    real = np.flatnonzero(~entered.held_out)
    which, step = np.repeat(real, 2), np.tile([0, 1], len(real))
    due = entered.at[which] + HOUR + step * 7 * DAY
    order = np.argsort(due, kind="stable")
    which, step, due = which[order], step[order], due[order]
    state = np.where(due > SOON, 4, drawn(rng, np.array([0.93, 0.05, 0.01, 0.01]), len(due)))
    at = due + rng.integers(0, HOUR, len(due))
    load(bulk, touch, len(due), _touches(shape, entered, which, step, due, state, at))
    sent = np.flatnonzero(state == 0)
    return Sent(sent + 1, entered.who[which[sent]], at[sent])


def _touches(
    shape: Shape, entered: Entered, which: Ints, step: Ints, due: Ints, state: Ints, at: Ints
) -> Callable[[slice], Columns]:
    begin = NOW_MICROS - shape.weeks * WEEK
    run = np.clip((due - begin) // WEEK, 0, _runs(shape) - 1) * len(SENDINGS) + entered.campaign[which] + 1

    def columns(part: slice) -> Columns:
        chosen = entered.campaign[which[part]].tolist()
        mails = [SENDINGS[one].mails[number] for one, number in zip(chosen, step[part].tolist(), strict=True)]
        return {
            "id": list(range(part.start + 1, part.stop + 1)),
            "run_id": run[part],
            "enrolment_id": which[part] + 1,
            "step": mails,
            "campaign": [SENDINGS[one].name for one in chosen],
            "definition_id": [one + 1 for one in chosen],
            "customer_id": entered.who[which[part]] + 1,
            "channel": "email",
            "topic": "offers",
            "template": mails,
            "state": [STATES[one] for one in state[part].tolist()],
            "reason": ["consent" if one == 1 else None for one in state[part].tolist()],
            "right_at": due[part],
            "due_at": due[part],
            "expires_at": due[part] + 7 * DAY,
            "attempt": 1,
            "decided_at": or_none(np.where(state[part] < 3, at[part], -1)),
            "message_id": [f"<{number}@shop.example>" for number in range(part.start, part.stop)],
            "sent_at": or_none(np.where(state[part] == 0, at[part], -1)),
        }

    return columns


def _write_reactions(bulk: Bulk, sent: Sent, them: People | None, kind: str, count: int, first: int) -> None:
    """So many of a kind, most within two days; by the rates of `them` if given. A quarter of opens are machines'."""
    if not count or not len(sent):
        return
    rng = generator(kind)
    weights = np.ones(len(sent)) if them is None else them.rate[sent.who] + 1e-6
    which = drawn(rng, weights, count)
    at = sent.at[which] + rng.exponential(DAY, count).astype(np.int64)
    actor = drawn(rng, np.array([0.7, 0.25, 0.05]) if kind in ("opened", "clicked") else np.array([0, 0, 1.0]), count)
    link = rng.integers(0, len(LINKS), count)
    order = np.argsort(at, kind="stable")
    which, at = which[order], at[order]

    def columns(part: slice) -> Columns:
        number = range(part.start, part.stop)
        return {
            "id": [first + one for one in number],
            "touch_id": sent.touch[which[part]],
            "customer_id": sent.who[which[part]] + 1,
            "kind": kind,
            "at": at[part],
            "actor": [("human", "machine", "unknown")[one] for one in actor[part].tolist()],
            "link": [LINKS[one] for one in link[part].tolist()] if kind == "clicked" else None,
            "provider": "outbox",
            "provider_event_id": [f"{kind}-{one:09d}" for one in number],
        }

    load(bulk, touch_event, count, columns)


def _write_follow_ups(bulk: Bulk, size: int) -> None:
    """Calls for 3 % of the customers; two of three done, some of the others late."""
    rng = generator("follow-ups")
    who = np.flatnonzero(rng.random(size) < 0.03)
    at = NOW_MICROS - (rng.random(len(who)) * 60 * DAY).astype(np.int64)
    done = np.where(rng.random(len(who)) < 0.67, at + (rng.random(len(who)) * 5 * DAY).astype(np.int64), -1)

    def columns(part: slice) -> Columns:
        return {
            "id": list(range(part.start + 1, part.stop + 1)),
            "customer_id": who[part] + 1,
            "kind": "call",
            "created_at": at[part],
            "due_at": at[part] + 3 * DAY,
            "done_at": or_none(done[part]),
            "outcome": ["reached" if one >= 0 else None for one in done[part].tolist()],
        }

    load(bulk, follow_up, len(who), columns)


def _write_members(bulk: Bulk, homes: Homes) -> None:
    """Memberships of three followed segments: a tenth of the customers in each, half of them have left, some are back."""
    rng = generator("members")
    for name in FOLLOWED:
        who = np.flatnonzero(rng.random(homes.size) < 0.1)
        entered = homes.created[who] + (rng.random(len(who)) * (NOW_MICROS - homes.created[who]) * 0.9).astype(np.int64)
        left = np.where(rng.random(len(who)) < 0.5, (entered + NOW_MICROS) // 2, -1)
        load(bulk, segment_member, len(who), _members(name, who, 1, entered, left))
        back = np.flatnonzero((left >= 0) & (rng.random(len(who)) < 0.3))
        again = (left[back] + NOW_MICROS) // 2
        load(bulk, segment_member, len(back), _members(name, who[back], 2, again, np.full(len(back), -1)))
    rows: Columns = {"name": list(FOLLOWED), "refreshed_at": NOW_MICROS - HOUR, "turn": 1}
    load(bulk, followed_segment, len(FOLLOWED), lambda _: rows)


def _members(name: str, who: Ints, n: int, entered: Ints, left: Ints) -> Callable[[slice], Columns]:
    return lambda part: {
        "segment": name,
        "customer_id": who[part] + 1,
        "n": n,
        "entered_at": entered[part],
        "left_at": or_none(left[part]),
        "at_start": [False] * (part.stop - part.start),
    }
