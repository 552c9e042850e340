"""What every step of a journey is: how it is read, what is written when a customer comes to it, and where she goes on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sqlalchemy import ColumnElement, Connection, Select

from crm_store.content.faults import Place
from crm_store.content.fields import Fields
from crm_store.journeys.course import Arm
from crm_store.journeys.reading import Reading
from crm_store.ledger.write import Message
from crm_store.schema import enrolment
from crm_store.segmentation.conditions.base import Condition

if TYPE_CHECKING:
    from crm_store.journeys.campaign import Campaign
    from crm_store.journeys.context import Runnable
    from crm_store.journeys.turn import Turn

Column = ColumnElement[Any]


@dataclass(frozen=True)
class Head:
    """What every step says of itself."""

    name: str
    place: Place
    was: str | None
    on_error: str


@dataclass(frozen=True)
class Step(ABC):
    """One step; `name` is unique in its campaign and keys the ledger. `was`: its name before.

    Nobody asks a step to correct, decide or see anything unless it says that there is something (`may_be_corrected`,
    `may_be_decided`, `watched`): asked all the same it raises, because the planner is wrong then."""

    verb: ClassVar[str]
    help: ClassVar[str]
    can_fail: ClassVar[bool] = False  # then it may say `on_error`
    name: str
    place: Place
    was: str | None = field(default=None, kw_only=True)
    on_error: str = field(default="continue", kw_only=True)

    @classmethod
    @abstractmethod
    def read(cls, fields: Fields, head: Head, reading: Reading) -> Self:
        """The step that a mapping's keys say; takes its own keys only. Raises Fault or Incomplete."""

    @abstractmethod
    def sentence(self) -> str:
        """In English, as a line of a list."""

    def arms(self) -> Sequence[Arm]:
        """The lists of steps that begin at it."""
        return ()

    def conditions(self) -> Sequence[Condition]:
        """Those it asks."""
        return ()

    def entered(self, turn: Turn, ids: Sequence[int]) -> None:  # noqa: B027 - most steps draw nothing
        """Write what is to be drawn when somebody enters the campaign."""

    def come(self, turn: Turn, ids: Sequence[int], base: Column) -> dict[str, Any]:
        """What to write about enrolments that come to it at `base`: `next_at` at least, the instant its turn comes."""
        return {"next_at": base}

    def at_once(self) -> bool:
        """Whether it says nothing to anybody and waits for nothing: a campaign that begins with it does so as soon as the
        event that enters is written."""
        return False

    def pass_on(self, turn: Turn, ids: Sequence[int]) -> int:
        """Move enrolments whose turn has come. Returns how many of them have left instead."""
        turn.go(ids, turn.version.campaign.course.after(self.name), enrolment.c.next_at)
        return 0

    def may_be_corrected(self, campaign: Campaign) -> bool:
        """Whether those who wait here wait for what somebody may correct meanwhile."""
        return False

    def corrected(self, conn: Connection, version: Runnable, customers: Sequence[int] | None) -> Select[Any]:
        """A select of those who wait here and for whom that was corrected, all or of these customers."""
        raise NotImplementedError(f"{self.verb} has nothing to correct")

    def correct(self, turn: Turn, ids: Sequence[int]) -> None:
        """Let those of these enrolments whom a correction moves wait anew."""
        raise NotImplementedError(f"{self.verb} has nothing to correct")

    def may_be_decided(self) -> bool:
        """Whether something about the step itself is to be decided at some time, before anybody moves."""
        return False

    def is_ripe(self, turn: Turn) -> bool:
        """Whether that is to be decided by now; writes nothing."""
        raise NotImplementedError(f"{self.verb} has nothing to decide")

    def decide(self, turn: Turn) -> None:
        """Decide that."""
        raise NotImplementedError(f"{self.verb} has nothing to decide")

    def watched(self) -> Condition | None:
        """What those who wait here are looked at for, before their turn has come."""
        return None

    def seen(self, turn: Turn, ids: Sequence[int]) -> None:
        """Move enrolments for which what is watched holds, before their turn has come."""
        raise NotImplementedError(f"{self.verb} watches for nothing")


@dataclass(frozen=True)
class Speaking(Step):
    """A step that writes a touch; the journey goes on when that is settled."""

    can_fail: ClassVar = True

    @abstractmethod
    def message(self, campaign: Campaign) -> Message:
        """What the touch is to say, and by which channel."""
