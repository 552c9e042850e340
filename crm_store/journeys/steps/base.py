"""What every step of a journey is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from crm_store.content.faults import Place


@dataclass(frozen=True)
class Step(ABC):
    """One step; `name` is unique in its campaign and keys the ledger."""

    verb: ClassVar[str]
    help: ClassVar[str]
    name: str
    place: Place

    @abstractmethod
    def sentence(self) -> str:
        """In English, as a line of a list."""
