"""Touches as they are in the store when a channel gets their mails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, insert

from crm_store.dialect import insert as upsert
from crm_store.schema import campaign_run, customer, definition, enrolment, request, touch, zone
from crm_store.store import Store, machine_now
from outreach.channels.base import Mail
from tests.world import NOON

_ONE = "welcome"


def dispatched(store: Store, request_id: str, mails: Sequence[Mail]) -> None:
    """The request with its touches, each of a customer of her own with the touch's number."""
    store.write(_write, request_id, [mail.touch_id for mail in mails])


def _write(conn: Connection, request_id: str, touch_ids: Sequence[int]) -> None:
    for table, values in _SHARED.items():
        conn.execute(upsert(conn, table).on_conflict_do_nothing(), values)
    asked = {"id": request_id, "channel": "email", "provider": "follow_up", "touches": len(touch_ids), "body_hash": ""}
    conn.execute(insert(request), {**asked, "dispatched_at": machine_now(conn)})
    for touch_id in touch_ids:
        for table, values in _of_touch(touch_id, request_id).items():
            conn.execute(insert(table), values)


_DEFINED = {"kind": "campaign", "name": _ONE, "hash": "h", "files": {}, "renderer": "", "published_at": NOON}
_SHARED: Mapping[Table, Any] = {
    zone: {"id": 1, "time_zone": "", "country": ""},
    definition: {"id": 1, **_DEFINED},
    campaign_run: {"id": 1, "campaign": _ONE, "now": NOON, "started_at": NOON, "eligible": 0},
}


def _of_touch(number: int, request_id: str) -> Mapping[Table, Any]:
    entered = {"state": "in", "occasion": "once", "entered_at": NOON, "trigger_at": NOON, "past": False}
    at = dict.fromkeys(("right_at", "due_at", "expires_at"), NOON)
    planned = {"step": "hello", "channel": "email", "template": "hello", "state": "dispatched", "attempt": 1, **at}
    whose = {"campaign": _ONE, "definition_id": 1, "customer_id": number}
    known = {"key": str(number), "attributes": {}, "zone_id": 1, "created_at": NOON, "updated_at": NOON}
    return {
        customer: {"id": number, **known},
        enrolment: {"id": number, **whose, **entered},
        touch: {"id": number, "run_id": 1, "enrolment_id": number, **whose, **planned, "request_id": request_id},
    }
