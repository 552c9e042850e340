"""What a campaign file says of restraint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, one_of, text, truth
from crm_store.content.literals import Rate, read_times
from crm_store.content.nodes import Node
from crm_store.content.settings import Settings, read_elapsed
from crm_store.content.vocabulary import Vocabulary
from crm_store.restraint.caps import Cap, check_names, check_tighter, read_caps
from crm_store.restraint.guard import Guard, read_guard
from crm_store.restraint.hours import ANY_TIME, Hours, check_opens, read_hours

if TYPE_CHECKING:
    from crm_store.content.faults import Faults

USUAL_PRIORITY = 50


@dataclass(frozen=True)
class Policy:
    """`caps`: the campaign's own, beside the company's. `when_capped`: skip, or wait for room. `priority`: 0 to 100, the
    higher first. `wait_at_most`: how long a touch may be put off, by whatever; None: as rapport.yaml says. `hours`: its own
    hours and days. `pace`: how many touches all customers together get. `one_per_address`: customers who share an address
    get one mail for each step and occasion. `guard`: of how many recipients a run may be; None: as its last runs were."""

    caps: tuple[Cap, ...] = ()
    when_capped: str = "skip"
    priority: int = USUAL_PRIORITY
    wait_at_most: timedelta | None = None
    hours: Hours = ANY_TIME
    pace: Rate | None = None
    one_per_address: bool = False
    guard: Guard | None = None

    def caps_of(self, company: Sequence[Cap], topic: str | None, channel: str) -> tuple[Cap, ...]:
        """The caps that touches of the topic by the channel are under. What has no topic is no marketing."""
        return tuple(cap for cap in (*company, *self.caps) if topic is not None and cap.is_about(topic, channel))


USUAL = Policy()
# What a campaign of service can't have, and why.
_NOT_IN_SERVICE = {
    "caps": "is under no cap",
    "when_capped": "is under no cap",
    "priority": "is under no cap, and a priority says who gets the room under caps",
    "one_per_address": "goes to all who share an address; `service_per_address` in config/rapport.yaml bounds it",
}
_LONGEST_PACE = timedelta(days=31)  # so long it is kept when touches were claimed


def read_policy(
    fields: Fields, kind: str | None, is_service: bool, settings: Settings, vocabulary: Vocabulary, faults: Faults
) -> Policy:
    """The keys of restraint of a campaign file."""
    wait_at_most, pace = fields.maybe("wait_at_most", read_elapsed), fields.maybe("pace", _pace)
    hours, guard = read_hours(fields), fields.maybe("guard", lambda node: read_guard(node, faults))
    if is_service:
        for key, why in _NOT_IN_SERVICE.items():
            if fields.has(key):
                fields.fault(fields.place_of(key), f"a service campaign {why}; take '{key}' out")
        fields.known(*_NOT_IN_SERVICE)
        return Policy(wait_at_most=wait_at_most, hours=hours, pace=pace, guard=guard)
    check_opens(hours, settings.hours, fields)
    caps = fields.several("caps", lambda node: read_caps(node, faults))
    check_names(caps, vocabulary.topics, settings.channels, faults)
    check_tighter(caps, settings.caps, faults)
    when_capped = fields.get("when_capped", one_of("skip", "wait"), "skip")
    priority = fields.get("priority", _priority, USUAL_PRIORITY)
    alone = fields.get("one_per_address", truth, kind != "occasion")  # a birthday is everybody's own
    return Policy(caps, when_capped, priority, wait_at_most, hours, pace, alone, guard)


def _pace(node: Node) -> Rate:
    pace = read_times(node)
    if pace.per.fixed() > _LONGEST_PACE:
        raise Fault(node.place, f"'{pace}': write a pace per {_LONGEST_PACE.days} days or less")
    return pace


def _priority(node: Node) -> int:
    word = text(node)
    if not word.isdecimal() or int(word) > 100:
        raise Fault(node.place, f"'{word}' must be a whole number from 0 to 100; the higher goes first")
    return int(word)
