"""message: what became of the messages that the customer was sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement, func, select, true

from crm_store.content.faults import Fault, every
from crm_store.content.fields import Fields, items, one_of, text, truth
from crm_store.content.literals import read_first_or_last
from crm_store.content.nodes import Mapping, Node, Sequence
from crm_store.segmentation.belonging import asked, in_set, looks_up, outer
from crm_store.segmentation.comparisons import ValueSpec, read_comparison
from crm_store.segmentation.conditions.base import Condition, FieldHelp, Lead
from crm_store.segmentation.conditions.event import read_only_window
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.measures import Measure, read_count, read_only_measure, read_when
from crm_store.segmentation.messages import FACTS, SUBJECTS, MessageRows
from crm_store.segmentation.pairs import read_channel
from crm_store.segmentation.passing import Moved, Passing
from crm_store.segmentation.ranking import Ranking

Column = ColumnElement[Any]


@dataclass(frozen=True)
class MessageCondition(Condition):
    """Facts about messages, filtered and measured."""

    kind: ClassVar = "message"
    help: ClassVar = "what became of messages; opens and clicks of machines do not count unless said"
    example: ClassVar = "message: opened, of: {campaign: welcome}, in_last: 30 days, count: {at_least: 2}"
    fields: ClassVar = (
        FieldHelp("message", f"{', '.join(FACTS)}; or a list of them", "message facts"),
        FieldHelp(
            "of", "{campaign, step, template, topic, channel, run, variant}: names or lists of them", "message subjects"
        ),
        FieldHelp("link", "of clicks: a comparison of the link, e.g. {contains: /coffee}", "text test"),
        FieldHelp("among", "`last 3` or `first 3`: only of so many sent messages", "last or first"),
        FieldHelp("machines", "true: opens and clicks by machines count too", "truth"),
        FieldHelp("is, before, since, between, in_last, in_next, during", "when it happened", "window words"),
        FieldHelp("count", "how many there are; at least 1 unless said", "number test"),
        FieldHelp("first, last", "when the first or last was, e.g. {in_last: 30 days}", "window"),
    )
    rows: MessageRows
    measure: Measure | None

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'message'")
        facts = fields.need("message", _facts) or ()
        of = fields.several("of", lambda value: _subjects(value, language))
        link = fields.maybe("link", lambda value: read_comparison(value, ValueSpec("text")))
        if link is not None and facts != ("clicked",):
            fields.fault(fields.place_of("link"), "'link' is of clicks; write `message: clicked`")
        among, machines = (
            fields.maybe("among", partial(read_first_or_last, of="those sent")),
            fields.maybe("machines", truth) or False,
        )
        window = read_only_window(fields, language)
        first, last = (partial(read_when, name, language=language) for name in ("first", "last"))
        measure = read_only_measure(fields, {"count": _count, "first": first, "last": last})
        fields.close()
        subjects = {name for name, _ in of}
        own = language.in_campaign and "step" in subjects and "campaign" not in subjects
        return cls(MessageRows(facts, of, link, among, machines, window, own), measure)

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        rows = self.rows.select(scope)
        if self.measure is None:
            return _exists(rows, scope) if looks_up(scope) else in_set(select(rows.c.customer_id), scope)
        holds = self._measured(rows, scope)
        if looks_up(scope):
            return select(holds).correlate(*outer(scope)).select_from(rows).scalar_subquery().is_(true())
        grouped = select(rows.c.customer_id).group_by(rows.c.customer_id)
        if self.measure.holds_for_none():
            return ~in_set(grouped.having(holds.is_not(true())), scope)
        return in_set(grouped.having(holds), scope)

    def lead(self, scope: Scope) -> Lead | None:
        if self.rows.among is not None or (self.measure is not None and self.measure.holds_for_none()):
            return None
        rows = self.rows.select(scope)
        ids = select(rows.c.customer_id).where(*asked(rows.c.customer_id, scope))
        rank = 1 if self.rows.window else 4
        if self.measure is None:
            return Lead(ids, rank)
        return Lead(ids.group_by(rows.c.customer_id).having(self._measured(rows, scope)), rank, unique=True)

    def moved(self, time: Passing) -> Moved:
        return self.rows.moved(time, self.measure)

    @property
    def cost(self) -> int:
        return 4

    def _measured(self, rows: Any, scope: Scope) -> ColumnElement[bool]:
        assert self.measure is not None
        return self.measure.holds(_values(rows)[self.measure.name], scope)

    def values(self, scope: Scope) -> dict[str, Column]:
        rows = self.rows.select(scope)
        return {name: select(value).select_from(rows).scalar_subquery() for name, value in _values(rows).items()}

    def sentence(self) -> str:
        said = [f"messages {' or '.join(self.rows.facts)}"]
        said += [f"of {name} {' or '.join(map(str, values))}" for name, values in self.rows.of]
        said += [f"whose link {self.rows.link.sentence()}"] if self.rows.link else []
        said += ["among the {} {} sent".format(*self.rows.among)] if self.rows.among else []
        said += ["(by machines too)"] if self.rows.machines else []
        said += [self.rows.window.sentence()] if self.rows.window else []
        return self.measure.sentence(" ".join(said)) if self.measure else f"there are {' '.join(said)}"


def _exists(rows: Any, scope: Scope) -> ColumnElement[bool]:
    return select(1).select_from(rows).correlate(*outer(scope)).exists()


def _values(rows: Any) -> dict[str, Column]:
    return {"count": func.count(), "first": func.min(rows.c.at), "last": func.max(rows.c.at)}


def _facts(node: Node) -> tuple[str, ...]:
    if isinstance(node, Sequence):
        return every(one_of(*FACTS), items(node))
    return (one_of(*FACTS)(node),)


def _subjects(node: Node, language: Language) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
    fields = Fields(node, language.faults, "'of'")
    found = [(name, fields.several(name, partial(_names, subject=name, language=language))) for name in SUBJECTS]
    fields.close()
    given = tuple((name, values) for name, values in found if values)
    if not given:
        raise Fault(node.place, f"'of' needs at least one of {', '.join(SUBJECTS)}")
    return given


def _names(node: Node, subject: str, language: Language) -> tuple[str | int, ...]:
    nodes = items(node) if isinstance(node, Sequence) else (node,)
    return every(lambda item: _name(item, subject, language), nodes)


def _name(node: Node, subject: str, language: Language) -> str | int:
    if subject == "topic":
        return language.vocabulary.topic(node)
    if subject == "channel":
        return read_channel(node, language)
    if subject == "run":
        if not re.fullmatch(r"\d{1,15}", text(node)):
            raise Fault(node.place, f"'{text(node)}' must be the number of a run, as `rapport runs` has it")
        return int(text(node))
    return text(node) if subject == "variant" else language.names.known(node, subject, f"{subject}s")


def _count(node: Node) -> Measure:
    measure = read_count(node)
    if isinstance(measure.test, Ranking):
        raise Fault(node.place, "'top' and 'bottom' are not known of messages; compare with a number")
    return measure
