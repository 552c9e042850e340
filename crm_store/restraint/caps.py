"""`caps`: how many marketing touches a customer may get in any such time, whatever campaigns they come from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from crm_store.content.faults import Fault, Faults, Place, did_you_mean, every
from crm_store.content.fields import Fields, items, sure, text
from crm_store.content.literals import read_duration
from crm_store.content.nodes import Node

MOST = 1_000  # touches in any time: a cap beyond it caps nothing


@dataclass(frozen=True)
class Cap:
    """At most so many touches in any time of `per`, of all topics and channels or of the named one."""

    at_most: int
    per: timedelta
    topic: str | None = None
    channel: str | None = None
    written: str = field(default="", compare=False)
    place: Place | None = field(default=None, compare=False)

    def is_about(self, topic: str | None, channel: str) -> bool:
        """Whether touches of the topic by the channel count, and are capped."""
        return self.topic in (None, topic) and self.channel in (None, channel)

    def __str__(self) -> str:
        of = f" of topic {self.topic}" if self.topic else ""
        return f"at most {self.at_most} per {self.written}{of}" + (f" by {self.channel}" if self.channel else "")


def room_from(given: Iterable[datetime], at_most: int, per: timedelta, now: datetime) -> datetime:
    """From when on one more makes no more than so many in any time of `per`, of what was given at these instants (which may
    be after `now`, if a clock went back); `now`: there is room."""
    near = sorted(at for at in given if abs(at - now) < per)
    return now if len(near) < at_most else max(now, near[len(near) - at_most] + per)


def read_caps(node: Node, faults: Faults) -> tuple[Cap, ...]:
    """`[{at_most: 2, per: 7 days, topic: offers, channel: email}]`."""
    return every(lambda one: _cap(one, faults), items(node))


def _cap(node: Node, faults: Faults) -> Cap:
    fields = Fields(node, faults, "a cap")
    at_most, per = fields.need("at_most", _count), fields.need("per", read_duration)
    topic, channel = fields.maybe("topic", text), fields.maybe("channel", text)
    if per is not None and (per.is_calendar or not per.count):
        fields.fault(fields.place_of("per"), f"'{per}': months and years differ in length; write days, 1 or more")
    fields.close()
    return Cap(sure(at_most), sure(per).fixed(), topic, channel, str(per), node.place)


def _count(node: Node) -> int:
    word = text(node)
    if not word.isdecimal() or not 1 <= int(word) <= MOST:
        raise Fault(
            node.place, f"'{word}' must be a whole number from 1 to {MOST}; a campaign is stopped by `status: paused`"
        )
    return int(word)


def check_names(caps: Sequence[Cap], topics: Collection[str], channels: Collection[str], faults: Faults) -> None:
    """Fault topics that the vocabulary does not have, and channels that rapport.yaml does not have."""
    known: tuple[tuple[str, Callable[[Cap], str | None], Collection[str], str], ...] = (
        ("topic", lambda cap: cap.topic, topics, "config/vocabulary.yaml"),
        ("channel", lambda cap: cap.channel, channels, "config/rapport.yaml"),
    )
    for cap in caps:
        for what, named, among, where in known:
            name = named(cap)
            if name is not None and name not in among and cap.place is not None:
                faults.add(cap.place, f"a cap's {what} '{name}' is not in {where}{did_you_mean(name, among)}")


def check_tighter(caps: Sequence[Cap], company: Sequence[Cap], faults: Faults) -> None:
    """Fault a campaign's cap that allows no less than one of the company's does: that one holds beside it."""
    for cap in caps:
        wider = next((one for one in company if _allows_no_less(cap, one)), None)
        if wider is not None and cap.place is not None:
            what = f"'{cap}' caps nothing: config/rapport.yaml has '{wider}' for all campaigns"
            faults.add(cap.place, f"{what}; a campaign may only be stricter")


def _allows_no_less(cap: Cap, company: Cap) -> bool:
    covered = company.topic in (None, cap.topic) and company.channel in (None, cap.channel)
    return covered and cap.at_most >= company.at_most and cap.per <= company.per
