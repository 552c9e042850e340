"""`examples:` of a campaign: a customer, what happens to her, and the mails she is to get; `rapport check` tries them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from crm_store.content.faults import Fault, Incomplete, did_you_mean
from crm_store.content.fields import Fields, items, sure, text
from crm_store.content.literals import parse_local
from crm_store.content.nodes import Node, Sequence
from crm_store.journeys.course import Course
from crm_store.segmentation.example import Story, read_local, read_story
from crm_store.segmentation.language import Language


@dataclass(frozen=True)
class Mailed:
    """A send that is expected, at a local time of the customer's."""

    step: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.step} at {self.at:%Y-%m-%d %H:%M}" + (f":{self.at:%S}" if self.at.second else "")


@dataclass(frozen=True)
class CampaignExample(Story):
    """What a campaign's author expects of one customer.

    `until`: the last day that is played, in the company's zone; None: until she is out. `mailed`, `left`: None, not asked.
    """

    until: date | None
    mailed: tuple[Mailed, ...] | None
    left: str | None


def read_examples(node: Node, course: Course | None, language: Language) -> tuple[CampaignExample, ...]:
    """Raises Fault, or Incomplete with the faults collected, as it does where the steps themselves have some."""
    if course is None:
        raise Incomplete
    sends = [step.name for step in course.steps if step.verb == "send"]
    return language.faults.each(lambda item: _example(item, sends, language), items(node))


def _example(node: Node, sends: list[str], language: Language) -> CampaignExample:
    fields = Fields(node, language.faults, "an example")
    story = read_story(fields, language)
    until = fields.maybe("until", _day)
    mailed = fields.maybe("touches", lambda value: _touches(value, sends, language))
    left = fields.maybe("left", text)
    if not fields.has("touches") and not fields.has("left"):
        fields.fault(fields.place, "an example needs 'touches' (perhaps none: []), 'left', or both")
    fields.close()
    return CampaignExample(**vars(story), until=until, mailed=mailed, left=left)


def _day(node: Node) -> date:
    value = parse_local(text(node), node)
    if value is None or isinstance(value, datetime):
        raise Fault(node.place, f"'{text(node)}' must be a date, e.g. 2026-07-31")
    return value


def _touches(node: Node, sends: list[str], language: Language) -> tuple[Mailed, ...]:
    if isinstance(node, Sequence) and not node.items:
        return ()
    found = language.faults.each(lambda item: _touch(item, sends, language), items(node))
    return tuple(sorted(found, key=lambda one: one.at))


def _touch(node: Node, sends: list[str], language: Language) -> Mailed:
    fields = Fields(node, language.faults, "a touch")
    step = fields.need("send", lambda value: _send(value, sends))
    at = fields.need("at", read_local)
    fields.close()
    return Mailed(sure(step), sure(at))


def _send(node: Node, sends: list[str]) -> str:
    if text(node) not in sends:
        raise Fault(node.place, f"no step called '{text(node)}' sends anything here{did_you_mean(text(node), sends)}")
    return text(node)
