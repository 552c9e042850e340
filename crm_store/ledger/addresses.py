"""One address, several customers: in the claim they get one marketing mail for a step and an occasion; and of service mails
no address gets more than so many in any time.

Only addresses that customers share are written down, under a keyed hash, for whom of them it was: first those who have had
the mail, then whoever passes everything else first. She keeps it, whatever the cap then says of her.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Row, Select, case, or_, select, union_all
from sqlalchemy import cast as sql_cast

from crm_store.clock import local_date
from crm_store.consent.keys import link_keys
from crm_store.consent.standing import ADDRESS_OF
from crm_store.dialect import insert, looked_up
from crm_store.journeys.context import Runnable
from crm_store.journeys.published import current
from crm_store.journeys.steps import Send
from crm_store.ledger.gates import Verdict, barred, passing
from crm_store.ledger.states import SENT, SKIPPED
from crm_store.ledger.taking import TAKING, UNDER_WAY, claimed_at, in_state, take_turn
from crm_store.many import ids_of, pairs
from crm_store.restraint.caps import room_from
from crm_store.schema import address_use, customer, enrolment, touch

SAME_ADDRESS, ADDRESS_RATE = "same_address", "address_rate"
# Triggers whose occasions are of one customer alone: those who share an address are told once a day.
_OF_ONE = ("event", "lapse", "by_hand")
Verdicts = Mapping[int, Verdict]


def of_addresses(conn: Connection, version: Runnable, step: Send, verdicts: Verdicts, now: datetime) -> dict[int, Verdict]:
    """The verdicts; marketing of those whose address has had this mail is ended, service to an address that has had too
    many is put off until there is room, or ended if it expires before."""
    newest, passed = current(conn, version.campaign.name), [one for one, said in verdicts.items() if said.state is None]
    if not passed or not (version.campaign.is_service or newest.campaign.restraint.one_per_address):
        return dict(verdicts)
    if version.campaign.is_service:
        return {**verdicts, **_rated(conn, newest, step.message(version.campaign).channel, passed, verdicts, now)}
    others = _not_first(conn, version, step, passed)
    return {**verdicts, **{one: _said(verdicts[one], one in others) for one in passed}}


def _said(said: Verdict, is_another: bool) -> Verdict:
    return barred(said, SAME_ADDRESS, SKIPPED) if is_another else passing(said, SAME_ADDRESS)


def _not_first(conn: Connection, version: Runnable, step: Send, passed: Sequence[int]) -> set[int]:
    """Those of the touches whose mail is another's, who has the same address."""
    address = ADDRESS_OF[step.message(version.campaign).channel]
    shared = _shared(conn, address, passed)
    if not shared:
        return set()
    key = b"".join(secret for _, secret in sorted(link_keys(conn).items())[:1])
    uses = _uses(conn, version, step, address, shared, passed)
    hashes = {row.id: _hash(key, version, step.name, row) for row in uses}
    whose = {row.id: row.customer_id for row in uses}
    _write(conn, hashes)
    used = select(address_use.c.hash, touch.c.customer_id).join(touch, touch.c.id == address_use.c.touch_id)
    rows = conn.execute(used.where(address_use.c.hash.in_(ids_of(set(hashes.values())))))
    first = {used_hash: customer_id for used_hash, customer_id in rows}
    return {one for one in passed if one in hashes and first[hashes[one]] != whose[one]}


def _shared(conn: Connection, address: Column[Any], passed: Sequence[int]) -> list[str]:
    """The addresses of these touches that another customer has too."""
    other = customer.alias()
    has_it = other.c[address.name] == address, other.c.id != customer.c.id
    chosen = select(address).select_from(touch).join(customer, customer.c.id == touch.c.customer_id)
    chosen = chosen.where(touch.c.id.in_(ids_of(passed)), looked_up(select(other.c.id).where(*has_it).correlate(customer)))
    return sorted(set(conn.execute(chosen).scalars()))


def _uses(
    conn: Connection,
    version: Runnable,
    step: Send,
    address: Column[Any],
    shared: Sequence[str],
    passed: Sequence[int],
) -> Sequence[Row[Any]]:
    """This step's touches of all who have these addresses: first what has left, then these, as they were due."""
    own = touch.c.id.in_(ids_of(passed))
    chosen: Select[Any] = select(
        touch.c.id, touch.c.customer_id, touch.c.right_at, enrolment.c.occasion, address.label("address")
    )
    chosen = chosen.join(customer, customer.c.id == touch.c.customer_id)
    chosen = chosen.join(enrolment, enrolment.c.id == touch.c.enrolment_id).where(
        customer.c.id.in_(select(customer.c.id).where(address.in_(shared))),
        touch.c.campaign == version.campaign.name, touch.c.step == step.name,
        or_(own, touch.c.state.in_(TAKING)),
    )  # fmt: skip
    return conn.execute(chosen.order_by(case((own, 1), else_=0), touch.c.due_at, touch.c.id)).all()


def _hash(key: bytes, version: Runnable, step: str, row: Row[Any]) -> int:
    """63 bits: so few that one number holds them, so many that two addresses of a million campaigns hardly ever meet."""
    one = version.campaign
    day = local_date(row.right_at, version.settings.company.zone)
    occasion = day.isoformat() if one.trigger.word in _OF_ONE else row.occasion
    said = "\n".join((one.name, step, occasion, row.address))
    return int.from_bytes(blake2b(said.encode(), digest_size=8, key=key[:64]).digest(), "big") >> 1


def _write(conn: Connection, hashes: Mapping[int, int]) -> None:
    """The first of each hash has it, unless somebody has it already. In the order of hashes, so that two claims don't wait
    for each other in turn."""
    first: dict[int, str] = {}
    for touch_id, used in hashes.items():
        first.setdefault(used, str(touch_id))
    given = pairs(conn, first)
    number, of_touch = sql_cast(given.c.key, BigInteger), sql_cast(given.c.value, BigInteger)
    chosen = select(number, of_touch).where(number.is_not(None)).order_by(number)
    conn.execute(insert(conn, address_use).from_select(["hash", "touch_id"], chosen).on_conflict_do_nothing())


# Service


def _rated(
    conn: Connection, newest: Runnable, channel: str, passed: Sequence[int], verdicts: Verdicts, now: datetime
) -> dict[int, Verdict]:
    """Whether there is room for one more service mail at each address, the first due first. Claims with customers who share
    one go one after the other: others have the customer's row."""
    rate, address = newest.settings.service_per_address, ADDRESS_OF[channel]
    per = rate.per.fixed()
    if _shared(conn, address, passed):
        take_turn(conn, ADDRESS_RATE)
    chosen = select(touch.c.id, touch.c.expires_at, address.label("address"))
    chosen = chosen.join(customer, customer.c.id == touch.c.customer_id).where(touch.c.id.in_(ids_of(passed)))
    rows = conn.execute(chosen.order_by(touch.c.due_at, touch.c.id)).all()
    given = _given(conn, address, sorted({row.address for row in rows}), now, per, channel)
    found: dict[int, Verdict] = {}
    for row in rows:
        had = given.setdefault(row.address, [])
        at = room_from(had, rate.count, per, now)
        if at <= now:
            had.append(now)
            found[row.id] = passing(verdicts[row.id], ADDRESS_RATE)
        else:
            found[row.id] = barred(verdicts[row.id], ADDRESS_RATE, SKIPPED, at if at < row.expires_at else None)
    return found


def _given(
    conn: Connection, address: Column[Any], addresses: Sequence[str], now: datetime, per: timedelta, channel: str
) -> dict[str, list[datetime]]:
    """When service mails to these addresses were claimed, so near to `now` that they could count."""
    chosen = select(address, claimed_at).select_from(touch).join(customer, customer.c.id == touch.c.customer_id)
    service = address.in_(addresses), touch.c.topic.is_(None), touch.c.channel == channel
    near = chosen.where(*service, now - per < claimed_at, now + per > claimed_at)
    sent, under_way = (
        near.where(touch.c.state == SENT, touch.c.sent_at > now - per),
        near.where(in_state(touch, *UNDER_WAY)),
    )
    found: dict[str, list[datetime]] = {}
    for one, at in conn.execute(union_all(sent, under_way)):
        found.setdefault(one, []).append(at)
    return found
