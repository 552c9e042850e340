"""consent: what the customer has said about a topic, as of now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement

from crm_store.consent.record import STATES
from crm_store.consent.standing import said_last, said_nothing
from crm_store.content.fields import Fields, one_of, sure
from crm_store.content.nodes import Mapping
from crm_store.schema import consent
from crm_store.segmentation.belonging import newest
from crm_store.segmentation.conditions.base import Condition, FieldHelp
from crm_store.segmentation.conditions.event import read_only_window
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.pairs import read_pair
from crm_store.segmentation.passing import Moved, Passing
from crm_store.segmentation.times import Window

NEVER = "never"


@dataclass(frozen=True)
class ConsentCondition(Condition):
    """The state of consent to a topic on a channel."""

    kind: ClassVar = "consent"
    help: ClassVar = "what the customer has last said about a topic; a window asks when"
    example: ClassVar = "consent: {channel: email, topic: offers}, state: withdrawn, in_last: 30 days"
    fields: ClassVar = (
        FieldHelp("consent", "{channel, topic}", "pair"),
        FieldHelp(
            "state", "given (unless said), pending, withdrawn, lapsed; never: nothing was ever said", "consent state"
        ),
        FieldHelp("is, before, since, between, in_last, in_next, during", "when it was said", "window words"),
    )
    channel: str
    topic: str
    topic_title: str
    state: str
    window: Window | None

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'consent'")
        pair = fields.need("consent", lambda value: read_pair(value, language, "consent"))
        state = fields.get("state", one_of(*STATES, NEVER), "given")
        window = read_only_window(fields, language)
        if state == NEVER and window is not None:
            fields.fault(fields.place_of("state"), "what was never said has no time; take the window out")
        fields.close()
        channel, topic = sure(pair)
        return cls(channel, topic, language.vocabulary.topics[topic], state, window)

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        if self.state == NEVER:
            return said_nothing(self.channel, self.topic, scope.now)
        window = self.window
        when = (lambda at: window.on_instant(at, scope)) if window else None
        return said_last(self.channel, self.topic, self.state, scope.now, when)

    def moved(self, time: Passing) -> Moved:
        if self.window is not None and self.window.is_relative:
            return None
        return time.over(consent, consent.c.at, *self._of_topic, by=[self.window])

    @property
    def _of_topic(self) -> tuple[ColumnElement[bool], ...]:
        return consent.c.channel == self.channel, consent.c.topic == self.topic

    def values(self, scope: Scope) -> dict[str, ColumnElement[Any]]:
        return {"last said": newest(consent.c.at, consent, *self._of_topic, consent.c.at <= scope.now)}

    def sentence(self) -> str:
        if self.state == NEVER:
            return f"they have never said anything about {self.topic_title} by {self.channel}"
        when = f" {self.window.sentence()}" if self.window else ""
        return f"their consent to {self.topic_title} by {self.channel} is {self.state}{', said' + when if when else ''}"
