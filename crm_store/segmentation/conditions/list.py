"""list: customers that somebody chose elsewhere and imported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from sqlalchemy import ColumnElement, select

from crm_store.content.fields import Fields, sure, text
from crm_store.content.nodes import Mapping
from crm_store.errors import StoreError
from crm_store.schema import list_member, static_list
from crm_store.segmentation.belonging import has_row, ids_of_rows
from crm_store.segmentation.conditions.base import Condition, FieldHelp, Lead
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Moved, Passing

NOT_IMPORTED = "list '{name}' is not in the store; import it with `rapport import list {name} FILE`"


@dataclass(frozen=True)
class ListCondition(Condition):
    """The customer is on a static list. Lists are in the store, so a file can't know whether there is one of the name."""

    kind: ClassVar = "list"
    help: ClassVar = "the customer is on a list that was imported by `rapport import list NAME FILE`"
    example: ClassVar = "list: trade-fair-2026"
    fields: ClassVar = (FieldHelp("list", "the name it was imported under", "text"),)
    name: str

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'list'")
        name = fields.need("list", text)
        fields.close()
        return cls(sure(name))

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        return has_row(list_member, scope, self._of_list(scope))

    def _of_list(self, scope: Scope) -> ColumnElement[bool]:
        if self.name not in scope.lists:
            raise StoreError(NOT_IMPORTED.format(name=self.name))
        of_name = select(static_list.c.id).where(static_list.c.name == self.name)
        return list_member.c.list_id == of_name.correlate(None).scalar_subquery()

    def lead(self, scope: Scope) -> Lead:
        return Lead(ids_of_rows(list_member, scope, self._of_list(scope)), rank=0, unique=True)

    def moved(self, time: Passing) -> Moved:
        return []

    def lists(self) -> Iterator[str]:
        yield self.name

    def sentence(self) -> str:
        return f"they are on the list {self.name}"
