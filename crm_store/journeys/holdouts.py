"""Hold-outs: customers who are planned like everybody and get nothing, so that the others can be compared with them.

The draw is by the customer's key: one per campaign (`hold_out` of its file), and one that is the same for all marketing
campaigns (`hold_out` of rapport.yaml). Neither knows anything of the other, nor of samples and splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, or_, select, update

from crm_store.many import ids_of
from crm_store.schema import customer, enrolment
from crm_store.segmentation.drawing import below, drawn, lot_of

if TYPE_CHECKING:
    from crm_store.journeys.context import Runnable
    from crm_store.journeys.turn import Turn

_SALT = "hold_out:"  # alone: of all campaigns


def held_out(version: Runnable) -> ColumnElement[bool] | None:
    """SQL over the `customer` row: whether she is drawn; None where nobody is."""
    lots = [drawn(salt) < below(share) for salt, share in _shares(version).items()]
    return or_(*lots) if lots else None


def is_held_out(version: Runnable, key: str) -> bool:
    """Whether the customer of this key would be drawn."""
    return any(lot_of(key, salt) < below(share) for salt, share in _shares(version).items())


def _shares(version: Runnable) -> dict[str, Decimal]:
    """The percentages that are drawn, by salt."""
    shares = {_SALT + version.campaign.name: version.campaign.hold_out, _SALT: version.settings.hold_out}
    return {} if version.campaign.is_service else {salt: share for salt, share in shares.items() if share}


def draw_hold_outs(turn: Turn, ids: Sequence[int]) -> None:
    """Write down which of those who enter are held out."""
    lot = held_out(turn.version)
    if lot is None:
        return
    whose = select(customer.c.id).where(customer.c.id == enrolment.c.customer_id, lot)
    chosen = update(enrolment).where(enrolment.c.id.in_(ids_of(ids)), whose.correlate(enrolment).exists())
    turn.conn.execute(chosen.values(held_out_at=enrolment.c.entered_at))
