"""Running the `examples:` of campaigns through the real engine, each on a store in memory that knows nothing else, by a
clock that stands still until something is due. Mails are rendered, and leave for nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import count
from pathlib import Path

from crm_store.clock import local_date, local_instant, start_of_day
from crm_store.content.faults import Fault
from crm_store.content.settings import Settings
from crm_store.definitions import Provenance
from crm_store.intake.values import Rules
from crm_store.journeys.campaign import Campaign
from crm_store.journeys.example import CampaignExample, Mailed
from crm_store.journeys.holdouts import is_held_out
from crm_store.journeys.published import current, record_standing, standing
from crm_store.journeys.tick import can_go_on, due_work, plan_campaigns, refresh_segments
from crm_store.journeys.timeline import (
    Turned,
    anybody_in,
    ask_for_everybody,
    keep_fresh,
    left_for,
    next_due,
    next_entry,
    turned_out,
)
from crm_store.ledger import epoch
from crm_store.ledger.dispatch import Answer
from crm_store.ledger.log import Order
from crm_store.ledger.states import SENT
from crm_store.refilling import refill
from crm_store.schema import METADATA
from crm_store.segmentation.staging import Told, instant_of, stage
from crm_store.segmentation.trying import Tried
from crm_store.store import Store, memory_store
from outreach.channels.base import Channel, Mail
from outreach.delivery import drain
from outreach.publishing import Content, publish

LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
ENTERS_WITHIN = timedelta(days=400)  # of the last thing told: a yearly date comes round in that time
LOOKS_FOR = timedelta(days=40)  # so long segments are looked at day by day for somebody who joins
PASSES = 100


def try_campaigns(content: Content) -> Tried:
    """Every example of every campaign."""
    tried = [campaign for campaign in content.campaigns.values() if campaign.examples]
    failures: list[Fault] = []
    if tried:
        with closing(memory_store()) as store, closing(memory_store()) as empty, closing(memory_store()) as published:
            empty.write(METADATA.create_all)
            empty.write(epoch.begin)
            for campaign in tried:
                refill(store, empty)
                _publish_alone(store, content, campaign)
                refill(published, store)
                for example in campaign.examples:
                    refill(store, published)
                    failures += _try(store, content, campaign, example)
    return Tried(sum(len(one.examples) for one in tried), sorted(failures, key=lambda fault: fault.place))


def _publish_alone(store: Store, content: Content, campaign: Campaign) -> None:
    """Of other campaigns an example is only told. Whatever the status, it goes live when the example begins."""
    alone = replace(content, campaigns={campaign.name: replace(campaign, status="draft")})
    publish(store, alone, Provenance(None, None, LONG_AGO, Order("the examples")))


def _try(store: Store, content: Content, campaign: Campaign, example: CampaignExample) -> Iterator[Fault]:
    fault = _Play(content, store, campaign, example).fault()
    if fault is not None:
        yield Fault(example.place, f"{_named(example, campaign)}: {fault}")


def _named(example: CampaignExample, campaign: Campaign) -> str:
    title = f" '{example.title}'" if example.title else ""
    return f"example{title} of campaign {campaign.name}"


class _Play:
    """One example: its customer comes to be, then the clock goes from one instant at which something happens or is due to
    the next, until she is out or the days are over."""

    def __init__(self, content: Content, store: Store, campaign: Campaign, example: CampaignExample) -> None:
        self.workspace = content.workspace
        self.store = store
        self.campaign = campaign
        self.example = example
        self.zone = content.workspace.settings.company.zone
        self.now = example.instant(self.zone)
        self.told = sorted({instant_of(one.at, self.now, self.zone) for one in example.events} | {self.now})
        self.begin = self.told[0] - timedelta(seconds=1)

    def fault(self) -> str | None:
        """What came out otherwise than expected."""
        self.store.write(record_standing, replace(self.campaign, status="live"), self.begin)
        self._tick(self.begin)
        vocabulary, currency = self.workspace.vocabulary, self.workspace.settings.company.currency
        story = Told(self._key(), self.example, self.now)
        refused = self.store.write(stage, [story], Rules(vocabulary, self.zone, currency), self.begin)
        if refused:
            return next(iter(refused.values())).what.removeprefix("the example ")
        self.store.write(ask_for_everybody, self.campaign.name, self.now)
        at: datetime | None = self.told[0]
        while at is not None:
            self._tick(at)
            at = self._next(at)
        return self._compare()

    def _key(self) -> str:
        """Of somebody who is not held out: she would get nothing, and an example is about what one gets."""
        with self.store.read() as conn:
            version = current(conn, self.campaign.name)
        keys = (f"{self.example.title or 'customer'}{' again' * n}" for n in count())
        return next(key for key in keys if not is_held_out(version, key))

    def _tick(self, now: datetime) -> None:
        """As flows do it: plan and deliver until nothing is left to do."""
        with self.store.read() as conn:
            version = current(conn, self.campaign.name)
        self.store.write(keep_fresh, version, now)
        for _ in range(PASSES):
            refresh_segments(self.store, now)
            plan_campaigns(self.store, now)
            due = due_work(self.store, now)
            judged = drain(self.store, self.workspace, now, ways_out=_nowhere).judged if due else 0
            if not judged and not can_go_on(self.store, now):
                return
        raise RuntimeError(f"campaign {self.campaign.name} does not come to rest at {now}")

    def _next(self, now: datetime) -> datetime | None:
        """When something happens or is due after `now`; None when all is over."""
        until = self._until()
        told = next((at for at in self.told if at > now), None)
        with self.store.read() as conn:
            version, stands = current(conn, self.campaign.name), standing(conn, self.campaign.name)
            inside = anybody_in(conn, self.campaign.name)
            if inside is False and told is None and self.example.until is None:
                return None
            known = [at for at in (told, next_due(conn, now), self._look(now), until) if at is not None]
            entry = next_entry(conn, version, stands, now, min(known) - timedelta(microseconds=1))
        at = entry or min(known)
        return at if at < until else None

    def _until(self) -> datetime:
        if self.example.until is not None:
            return start_of_day(self.example.until + timedelta(days=1), self.zone)
        return self.told[-1] + ENTERS_WITHIN

    def _look(self, now: datetime) -> datetime | None:
        """The next noon of the company, for campaigns whom time alone may bring somebody."""
        if not any(self.campaign.trigger.segments()) or now > self.told[-1] + LOOKS_FOR:
            return None
        noon = local_instant(local_date(now, self.zone), time(12), self.zone)
        return noon if noon > now else local_instant(local_date(now, self.zone) + timedelta(days=1), time(12), self.zone)

    def _compare(self) -> str | None:
        with self.store.read() as conn:
            turned = turned_out(conn, self.campaign.name, self.zone)
            states = left_for(conn, self.campaign.name)
        expected = self.example.mailed
        if expected is not None and not _as_expected(expected, turned):
            return f"expected {_listed(expected)}; what came: {_told(turned, states)}"
        wanted = self.example.left
        if wanted is not None and (not states or states[-1] != ("left", wanted)):
            return f"expected that she leaves for '{wanted}', but {_stands(states)}"
        return None


def _as_expected(expected: Sequence[Mailed], turned: Sequence[Turned]) -> bool:
    """Seconds count where they are said."""
    sent = [one for one in turned if one.state == SENT]
    alike = (
        one.step == mailed.step and (one.at if mailed.at.second else one.at.replace(second=0, microsecond=0)) == mailed.at
        for one, mailed in zip(sent, expected, strict=False)
    )
    return len(sent) == len(expected) and all(alike)


def _listed(expected: Sequence[Mailed]) -> str:
    return ", ".join(map(str, expected)) or "no mail"


def _told(turned: Sequence[Turned], states: Sequence[tuple[str, str | None]]) -> str:
    """What came, and where she stands if nothing did."""
    came = [
        str(Mailed(one.step, one.at)) + ("" if one.state == SENT else f" ({one.state}: {one.reason})") for one in turned
    ]
    return ", ".join(came) if came else f"nothing, {_stands(states)}"


def _stands(states: Sequence[tuple[str, str | None]]) -> str:
    if not states:
        return "she never entered"
    state, reason = states[-1]
    return {"in": "she is still in", "finished": "she came to the end"}.get(state, f"she left for '{reason}'")


class _Nowhere(Channel):
    """Takes every mail, and that is all."""

    provider = "nowhere"
    per_request = 1_000

    def send(self, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
        return Answer(accepted={mail.touch_id: mail.message_id for mail in mails})


def _nowhere(name: str, settings: Settings, root: Path, store: Store) -> Channel:
    return _Nowhere()
