"""Who is where in which campaign, and what a change that is published would do to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from crm_store.journeys.context import Standing
from crm_store.journeys.moving import destination
from crm_store.journeys.published import current, ends_at_once, runnable, standings
from crm_store.schema import enrolment


@dataclass(frozen=True)
class Group:
    """Customers who stand at the same step of the same version."""

    campaign: str
    definition_id: int
    step: str
    customers: int


@dataclass(frozen=True)
class Prospect(Group):
    """What becomes of them, in words."""

    then: str


def groups(conn: Connection) -> list[Group]:
    """All who are under way, by campaign, version and step."""
    named = enrolment.c.campaign, enrolment.c.definition_id, enrolment.c.step
    counted = select(*named, func.count()).where(enrolment.c.state == "in").group_by(*named).order_by(*named)
    return [Group(*row) for row in conn.execute(counted)]


def prospects(conn: Connection, before: list[Group]) -> Iterator[Prospect]:
    """What becomes of these, who stood there before something was published, now that it is."""
    standing = {one.name: one for one in standings(conn)}
    was = {newest.campaign.was: name for name in standing if (newest := current(conn, name)).campaign.was}
    for group in before:
        name = group.campaign if group.campaign in standing else was.get(group.campaign, group.campaign)
        yield Prospect(name, group.definition_id, group.step, group.customers, _then(conn, group, standing[name]))


def _then(conn: Connection, group: Group, stands: Standing) -> str:
    newest, theirs = current(conn, stands.name), runnable(conn, group.definition_id)
    if ends_at_once(conn, stands.name):
        return "leave: the campaign ends (when_ended: exit)"
    waits = f", but nothing is sent: {stands.held or stands.status}" if stands.passed_over else ""
    if theirs.id == newest.id:
        return f"go on{waits}"
    if newest.campaign.changes == "pin" or stands.status == "draft":
        return f"stay in the version they entered with (changes: pin){waits}"
    before = theirs.campaign.course
    to = destination(before.step(group.step), before, newest.campaign.course)
    if to is None:
        return "come to the end: no step that follows is still there"
    return f"{'stay there, in' if to.name == group.step else f'go to {to.name}, in'} the new version{waits}"
