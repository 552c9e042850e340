"""`message` for the oracle: what became of the touches of a customer. It imports nothing of Rapport's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from tests.segmentation.oracle_asked import Asked
from tests.segmentation.oracle_facts import Condition, Enrolment, Touch
from tests.segmentation.oracle_values import exact, holds

ANY_LINK: Condition = {"not_in": []}


def message(asked: Asked, who: Condition) -> bool:
    found = sorted(at for at in facts(asked, who) if asked.in_windows(at, who))
    for name in ("first", "last"):
        if name in who:
            return bool(found) and asked.in_windows(found[0 if name == "first" else -1], who[name])
    return holds(exact(len(found)), who.get("count", {"at_least": "1"}))


def facts(asked: Asked, who: Condition) -> Iterator[datetime]:
    """The instants of what is meant, up to now."""
    kinds = [who["message"]] if isinstance(who["message"], str) else who["message"]
    for touch in touches(asked, who):
        for kind in kinds:
            yield from (at for at in instants(touch, kind, who) if at <= asked.now)


def touches(asked: Asked, who: Condition) -> Sequence[Touch]:
    """Those that match `of`, and are among the last or first that were sent."""
    of = who.get("of", {})
    found = [touch for one in asked.person.enrolments for touch in one.touches if matches(one, touch, of)]
    if "among" not in who:
        return found
    sent = [(touch.sent_at, place, touch) for place, touch in enumerate(found) if touch.state == "sent" and touch.sent_at]
    in_order = [
        touch for _, _, touch in sorted(sent, key=lambda one: one[:2]) if touch.sent_at and touch.sent_at <= asked.now
    ]
    which, number = who["among"].split()
    return in_order[: int(number)] if which == "first" else in_order[-int(number) :]


def matches(enrolment: Enrolment, touch: Touch, of: Condition) -> bool:
    known = {**vars(touch), "campaign": enrolment.campaign, "channel": "email"}
    return all(known[name] in ([said] if isinstance(said, str) else said) for name, said in of.items())


def instants(touch: Touch, kind: str, who: Condition) -> Iterator[datetime]:
    """When that happened to the touch: once, never, or often."""
    if kind in ("sent", "skipped", "failed"):
        at = touch.sent_at if kind == "sent" else touch.decided_at
        if touch.state == kind and at is not None:
            yield at
        return
    with_machines = kind not in ("opened", "clicked") or who.get("machines") == "true"
    for told in touch.told:
        if told.kind == kind and (with_machines or told.actor != "machine") and holds(told.link, who.get("link", ANY_LINK)):
            yield told.at
