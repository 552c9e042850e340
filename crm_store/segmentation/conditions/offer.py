"""offer: codes that the customer was given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement, and_, or_

from crm_store.content.fields import Fields, one_of, sure
from crm_store.content.nodes import Mapping
from crm_store.schema import offer
from crm_store.segmentation.belonging import has_row, ids_of_rows, newest
from crm_store.segmentation.conditions.base import Condition, FieldHelp, Lead
from crm_store.segmentation.conditions.campaign import read_names_or_any
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.times import Window, read_nested_window

_O = offer.alias("issued")


def _not_redeemed(scope: Scope) -> ColumnElement[bool]:
    return or_(_O.c.redeemed_at.is_(None), _O.c.redeemed_at > scope.now)


def _open(scope: Scope) -> ColumnElement[bool]:
    return and_(_not_redeemed(scope), or_(_O.c.valid_until.is_(None), _O.c.valid_until > scope.now))


STATES: dict[str, Callable[[Scope], ColumnElement[bool]]] = {
    "open": _open,
    "redeemed": lambda scope: _O.c.redeemed_at <= scope.now,
    "expired": lambda scope: and_(_not_redeemed(scope), _O.c.valid_until <= scope.now),
}


@dataclass(frozen=True)
class OfferCondition(Condition):
    """A code issued to the customer. In a campaign's `exit_when`, an offer of the file is this enrolment's."""

    kind: ClassVar = "offer"
    help: ClassVar = "was given a code; in a campaign, of the file's own offers this enrolment's"
    example: ClassVar = "offer: treat, state: open, expires: {in_next: 3 days}"
    fields: ClassVar = (
        FieldHelp("offer", "an offer of a campaign, a list of them, or any", "offers"),
        FieldHelp("state", "open, redeemed or expired; any unless said", "offer state"),
        FieldHelp("expires", "when it ends, e.g. {in_next: 3 days}", "window"),
    )
    names: tuple[str, ...]  # none: any
    state: str | None
    expires: Window | None
    of_enrolment: bool

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'offer'")
        names = fields.need("offer", lambda value: read_names_or_any(value, "offer", "offers", language))
        state = fields.maybe("state", one_of(*STATES))
        expires = fields.maybe("expires", lambda value: read_nested_window(value, language))
        fields.close()
        own = language.in_campaign and bool(names) and set(names or ()) <= language.own_offers
        return cls(sure(names), state, expires, own)

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        return has_row(_O, scope, *self._tests(scope))

    def lead(self, scope: Scope) -> Lead:
        return Lead(ids_of_rows(_O, scope, *self._tests(scope)), rank=3)

    def _tests(self, scope: Scope) -> list[ColumnElement[bool]]:
        tests = [_O.c.issued_at <= scope.now, *self._of_names()]
        tests += [STATES[self.state](scope)] if self.state else []
        tests += [self.expires.on_instant(_O.c.valid_until, scope)] if self.expires else []
        if self.of_enrolment and scope.enrolment is not None:
            tests.append(_O.c.enrolment_id == scope.enrolment.c.id)
        return tests

    def _of_names(self) -> list[ColumnElement[bool]]:
        return [_O.c.name.in_(self.names)] if self.names else []

    def values(self, scope: Scope) -> dict[str, ColumnElement[Any]]:
        return {"last issued": newest(_O.c.issued_at, _O, _O.c.issued_at <= scope.now, *self._of_names())}

    def sentence(self) -> str:
        which = f"the offer {' or '.join(self.names)}" if self.names else "an offer"
        state = {None: "", "open": " that is still open", "redeemed": " and redeemed it", "expired": " that has expired"}
        expires = f", ending {self.expires.sentence()}" if self.expires else ""
        return f"they were given {which}{state[self.state]}{expires}"
