"""send: one mail, from a template, perhaps with an offer's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crm_store.journeys.steps.base import Step


@dataclass(frozen=True)
class Send(Step):
    """Writes a touch; the journey goes on when that is settled."""

    verb: ClassVar = "send"
    help: ClassVar = "a mail from a template; `offer: NAME` gives it a code of the campaign's offers"
    template: str
    offer: str | None = None
    on_error: str = "continue"

    def sentence(self) -> str:
        return f"send {self.template}" + (f" with offer {self.offer}" if self.offer else "")
