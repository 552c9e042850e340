"""What takes room under a cap, a pace or a rate: touches that are claimed and may have left, and when they were claimed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func

from crm_store.ledger.states import CLAIMED, DISPATCHED, IN_DOUBT, SENT
from crm_store.schema import touch
from crm_store.schema.types import Instant

UNDER_WAY = (CLAIMED, DISPATCHED, IN_DOUBT)
TAKING = (*UNDER_WAY, SENT)
# By business time. A touch that was never claimed here was proved by an event of its provider's.
claimed_at: ColumnElement[Any] = func.coalesce(touch.c.decided_at, touch.c.sent_at, touch.c.due_at, type_=Instant())
