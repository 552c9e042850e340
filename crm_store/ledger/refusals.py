"""What providers said instead of yes, kept by run: a touch that is refused leaves with a later request, and forgets."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, func, literal, select

from crm_store.dialect import insert
from crm_store.schema import refusal, touch
from crm_store.schema.types import Words


def keep_refusals(conn: Connection, request_id: str, answers: Mapping[str, ColumnElement[bool]]) -> None:
    """Keep what was answered of which touches of a request, before they are moved on."""
    for answer, whose in answers.items():
        columns = {
            "request_id": literal(request_id, Words),
            "run_id": touch.c.run_id,
            "answer": literal(answer, Words),
            "touches": func.count(),
        }
        of_request = touch.c.request_id == request_id, whose
        chosen = select(*columns.values()).where(*of_request).group_by(touch.c.run_id)
        conn.execute(insert(conn, refusal).from_select(list(columns), chosen).on_conflict_do_nothing())
