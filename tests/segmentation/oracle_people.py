"""Lists, scores, offers, campaigns and where people live, for the oracle.

Like the oracle it imports nothing of Rapport's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from hashlib import sha256
from math import asin, cos, radians, sin, sqrt

from tests.segmentation.oracle_asked import Asked
from tests.segmentation.oracle_facts import Condition, Enrolment, FollowUp, Offer, Place
from tests.segmentation.oracle_values import exact, holds

STRICTNESS = ("given", "pending", "lapsed", "withdrawn")
PRIME = 2**31 - 1
EARTH_KM = 6371.0088


def several(said: str | Sequence[str]) -> Sequence[str]:
    return [said] if isinstance(said, str) else said


def been(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now


# Addresses and consent


def said_last(asked: Asked, topic: str) -> tuple[datetime, str] | None:
    """When and what was said last up to now; of two at one instant the stricter."""
    told = [(at, STRICTNESS.index(state)) for of, state, at in asked.person.consents if of == topic and at <= asked.now]
    return (max(told)[0], STRICTNESS[max(told)[1]]) if told else None


def consent(asked: Asked, who: Condition) -> bool:
    last, state = said_last(asked, who["consent"]["topic"]), who.get("state", "given")
    if last is None:
        return bool(state == "never")
    return last[1] == state and asked.in_windows(last[0], who)


def suppressed(asked: Asked, who: Condition) -> bool:
    reasons = several(who["reason"]) if "reason" in who else None
    known = [reason for reason, at in asked.person.suppressed if at <= asked.now]
    return asked.person.facts["email"] is not None and any(reasons is None or reason in reasons for reason in known)


def reachable(asked: Asked, who: Condition) -> bool:
    """An address, not suppressed, and consent."""
    address = asked.person.facts["email"] is not None
    return address and not suppressed(asked, {}) and consent(asked, {"consent": who["reachable"]})


# Segments, campaigns, offers, follow-ups, scores


def followed(asked: Asked, who: Condition) -> bool:
    """By the memberships that were written when the segment was refreshed."""
    known = [one for one in asked.person.memberships if one.segment == who["segment"]]
    for word in ("entered", "left"):
        if word in who:
            instants = [one.entered_at if word == "entered" else one.left_at for one in known]
            return any(at is not None and at <= asked.now and asked.in_windows(at, who[word]) for at in instants)
    inside = [one for one in known if been(one.entered_at, asked.now) and not been(one.left_at, asked.now)]
    return any(for_so_long(asked, one.entered_at, who["for"]) for one in inside)


def for_so_long(asked: Asked, since: datetime, test: Condition) -> bool:
    ((word, operand),) = test.items()
    if word == "between":
        return asked.ago(operand[1]) <= since <= asked.ago(operand[0])
    edge = asked.ago(operand)
    return {"at_least": since <= edge, "more_than": since < edge, "at_most": since >= edge, "less_than": since > edge}[word]


def campaign(asked: Asked, who: Condition) -> bool:
    known = [one for one in asked.person.enrolments if who["campaign"] == "any" or one.campaign in several(who["campaign"])]
    return any(enrolled(asked, one, who, who.get("state", "ever_in")) for one in known if one.entered_at <= asked.now)


def enrolled(asked: Asked, one: Enrolment, who: Condition, state: str) -> bool:
    if state == "held_out":
        return one.held_out and asked.in_windows(one.entered_at, who)
    if state == "reached_goal":
        return been(one.goal_at, asked.now) and asked.in_windows(one.goal_at, who)
    over = been(one.finished_at, asked.now) or been(one.left_at, asked.now)
    if one.held_out or (state == "in" and over):
        return False
    at = {"finished": one.finished_at, "left": one.left_at}.get(state, one.entered_at)
    return been(at, asked.now) and asked.in_windows(at, who)


def offer(asked: Asked, who: Condition) -> bool:
    issued = [one for enrolment in asked.person.enrolments for one in enrolment.offers if one.issued_at <= asked.now]
    named = [one for one in issued if who["offer"] in ("any", one.name)]
    return any(who.get("state") in (None, *states_of(asked, one)) and asked.in_windows(*expiry(one, who)) for one in named)


def states_of(asked: Asked, one: Offer) -> list[str]:
    if been(one.redeemed_at, asked.now):
        return ["redeemed"]
    return ["expired" if been(one.valid_until, asked.now) else "open"]


def expiry(one: Offer, who: Condition) -> tuple[datetime | None, Condition]:
    return one.valid_until, who.get("expires", {})


def follow_up(asked: Asked, who: Condition) -> bool:
    known = [
        one for one in asked.person.follow_ups if who["follow_up"] in ("any", one.kind) and one.created_at <= asked.now
    ]
    known = [one for one in known if who.get("state") in (None, *stages_of(asked, one))]
    return any("outcome" not in who or holds(outcome_of(asked, one), who["outcome"]) for one in known)


def stages_of(asked: Asked, one: FollowUp) -> list[str]:
    if been(one.done_at, asked.now):
        return ["done"]
    return ["open", "overdue"] if one.due_at is not None and one.due_at < asked.now else ["open"]


def outcome_of(asked: Asked, one: FollowUp) -> str | None:
    """Known once it is done."""
    return one.outcome if been(one.done_at, asked.now) else None


def score(asked: Asked, who: Condition) -> bool:
    value, at = asked.person.scores.get(who["score"], (None, None))
    known = at is not None and at <= asked.now
    test = {word: operand for word, operand in who.items() if word not in ("score", "fresh")}
    fresh = "fresh" not in who or (known and at is not None and at >= asked.ago(who["fresh"]))
    return fresh and (not test or holds(value if known else None, test))


def score_number(asked: Asked, who: Condition) -> Fraction | None:
    """What `top` and `bottom` rank by."""
    value, at = asked.person.scores.get(who["score"], (0.0, None))
    return exact(value) if been(at, asked.now) else None


# Places and samples


def near(asked: Asked, who: Condition) -> bool:
    facts, places = asked.person.facts, asked.words.places
    if facts["latitude"] is None or facts["longitude"] is None:
        return False
    ((by, name),) = who["near"].items()
    if by == "attribute":
        _, name = asked.value(name)
    meant = [place for of, place in places.items() if (place.kind if by == "places" else of) == name]
    limit = float(who["within"].removesuffix(" km"))
    return any(distance(facts["latitude"], facts["longitude"], place) <= limit for place in meant)


def distance(latitude: float, longitude: float, place: Place) -> float:
    """In km, along a great circle: the haversine formula."""
    one, other = radians(latitude), radians(place.latitude)
    wide = sin(radians(place.longitude - longitude) / 2) ** 2 * cos(one) * cos(other)
    return 2 * EARTH_KM * asin(min(1.0, sqrt(sin((other - one) / 2) ** 2 + wide)))


def sample(asked: Asked, who: Condition, salt: str) -> bool:
    salt, share = who.get("salt", salt), Fraction(who["sample"].removesuffix(" %")) / 100
    factor, shift = 1 + first_bytes(f"a:{salt}") % (PRIME - 1), first_bytes(f"b:{salt}") % PRIME
    return (first_bytes(asked.person.key) % PRIME * factor + shift) % PRIME < share * PRIME


def first_bytes(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")
