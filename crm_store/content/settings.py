"""`config/rapport.yaml`: the company, its store, how it sends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

from crm_store.clock import zone_or_none
from crm_store.content.accounts import Limits
from crm_store.content.channels import ChannelSettings, read_channels, usual_channels
from crm_store.content.faults import Fault, Faults, Incomplete, Place, every
from crm_store.content.fields import Fields, items, sure, text
from crm_store.content.literals import Duration, Rate, read_duration, read_percent, read_times
from crm_store.content.nodes import Mapping as MappingNode
from crm_store.content.nodes import Node
from crm_store.content.sources import SETTINGS, Sources
from crm_store.content.working import OFFICE_HOURS, WorkingHours, read_working_hours
from crm_store.restraint.caps import Cap, read_caps
from crm_store.restraint.hours import ANY_TIME, Hours, read_company_hours

PLANNED = ("rates",)
USUAL_SERVICE = Rate(20, Duration(1, "day"))  # service mails that an address may get


@dataclass(frozen=True)
class Company:
    """Who writes the mails. `address` is the postal address the law wants in them."""

    name: str
    address: str
    zone: ZoneInfo
    locale: str
    currency: str


@dataclass(frozen=True)
class Sender:
    """A From address, and where answers go. `postal`: the address in its mails, where it is not the company's."""

    address: str
    name: str
    reply_to: str | None
    postal: str | None = None


@dataclass(frozen=True)
class Delivery:
    """`lease`: machine time from claim to answer; `batch`: touches claimed at once; `wait_at_most`: until one expires;
    `keep_mails`: how long after a mail's last look its words are kept, for `preview`."""

    lease: timedelta = timedelta(minutes=5)
    batch: int = 1_000
    wait_at_most: timedelta = timedelta(days=7)
    keep_mails: timedelta = timedelta(days=365)


@dataclass(frozen=True)
class Clock:
    """`every`: how long `rapport up` waits from one tick's beginning to the next."""

    every: timedelta = timedelta(minutes=5)


@dataclass(frozen=True)
class Settings:
    """Everything of rapport.yaml. `seeds`: addresses of the company's own that get a copy of broadcasts; `mails_a_day`: no
    campaign may be written so that it could send one customer more within 24 hours."""

    company: Company
    store: str
    public_url: str
    senders: Mapping[str, Sender]
    channels: Mapping[str, ChannelSettings]
    outbox: str
    delivery: Delivery
    clock: Clock
    seeds: tuple[str, ...] = ()
    hold_out: Decimal = Decimal(0)  # percent of the customers whom no marketing campaign touches
    mails_a_day: int = 3
    working_hours: WorkingHours = OFFICE_HOURS
    caps: tuple[Cap, ...] = ()  # that all marketing is under
    hours: Hours = ANY_TIME  # when customers get marketing, where they live
    service_per_address: Rate = USUAL_SERVICE

    @property
    def limits(self) -> dict[str, Limits]:
        """What each channel's account may take."""
        return {name: one.limits for name, one in self.channels.items()}


def load_settings(sources: Sources, faults: Faults) -> Settings:
    """The settings. Raises Incomplete with the faults collected."""
    if SETTINGS not in sources.files:
        faults.add(Place(SETTINGS, 1), "is missing; `rapport init` lays out a workspace")
        raise Incomplete
    fields = Fields(sources.parse(SETTINGS, faults), faults, "rapport.yaml", planned=PLANNED)
    company = fields.need("company", lambda node: _company(node, faults))
    store = fields.get("store", text, "sqlite:///rapport.db")
    public_url = fields.need("public_url", read_url)
    senders = fields.need("senders", lambda node: _senders(node, faults))
    channels = fields.get("channels", lambda node: read_channels(node, faults), usual_channels())
    outbox = fields.get("outbox", text, "outbox")
    delivery = fields.get("delivery", lambda node: _delivery(node, faults), Delivery())
    clock = fields.get("clock", lambda node: _clock(node, faults), Clock())
    seeds = fields.several("seeds", lambda node: every(read_address, items(node)))
    hold_out = fields.get("hold_out", read_hold_out, Decimal(0))
    mails_a_day = fields.get("mails_a_day", _count, 3)
    working_hours = fields.get("working_hours", lambda node: read_working_hours(node, faults), OFFICE_HOURS)
    caps = fields.several("caps", lambda node: read_caps(node, faults))
    hours = read_company_hours(fields, faults)
    service_per_address = fields.get("service_per_address", read_times, USUAL_SERVICE)
    fields.close()
    return Settings(
        sure(company), store, sure(public_url), sure(senders), channels, outbox, delivery, clock,
        seeds, hold_out, mails_a_day, working_hours, caps, hours, service_per_address,
    )  # fmt: skip


def _company(node: Node, faults: Faults) -> Company:
    fields = Fields(node, faults, "company")
    name, address = fields.need("name", text), fields.need("address", text)
    zone, currency = fields.need("zone", _zone), fields.need("currency", _currency)
    locale = fields.get("locale", _locale, "en_US")
    fields.close()
    return Company(sure(name), sure(address), sure(zone), locale, sure(currency))


def _senders(node: Node, faults: Faults) -> dict[str, Sender]:
    if not isinstance(node, MappingNode) or node.get("default") is None:
        raise Fault(node.place, "senders needs one named 'default'")
    read = faults.each(lambda entry: (entry[0].text, _sender(entry[1], faults)), node.entries)
    return dict(read)


def _sender(node: Node, faults: Faults) -> Sender:
    fields = Fields(node, faults, "a sender")
    address, name = fields.need("from", read_address), fields.need("name", text)
    reply_to, postal = fields.maybe("reply_to", read_address), fields.maybe("address", text)
    fields.close()
    return Sender(sure(address), sure(name), reply_to, postal)


def _delivery(node: Node, faults: Faults) -> Delivery:
    usual = Delivery()
    fields = Fields(node, faults, "delivery")
    lease = fields.get("lease", read_elapsed, usual.lease)
    batch = fields.get("batch", _count, usual.batch)
    wait_at_most = fields.get("wait_at_most", read_elapsed, usual.wait_at_most)
    keep_mails = fields.get("keep_mails", read_elapsed, usual.keep_mails)
    fields.close()
    return Delivery(lease, batch, wait_at_most, keep_mails)


def _clock(node: Node, faults: Faults) -> Clock:
    fields = Fields(node, faults, "clock")
    every = fields.get("every", read_elapsed, Clock().every)
    fields.close()
    return Clock(every)


def read_elapsed(node: Node) -> timedelta:
    duration = read_duration(node)
    if duration.is_calendar or duration.count == 0:
        raise Fault(node.place, f"'{duration}' must be at least a second, in weeks, days, hours, minutes or seconds")
    return duration.fixed()


def read_hold_out(node: Node) -> Decimal:
    """The percentage of customers who are to get nothing."""
    share = read_percent(node)
    if share >= 100:
        raise Fault(node.place, f"'{text(node)}' would hold everybody out; write e.g. 5 %")
    return share


def _count(node: Node) -> int:
    word = text(node)
    if not re.fullmatch(r"[1-9]\d{0,3}", word):
        raise Fault(node.place, f"'{word}' must be a whole number from 1 to 9999")
    return int(word)


def read_url(node: Node) -> str:
    word = text(node)
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", word):
        raise Fault(node.place, f"'{word}' is not an http(s) address; write e.g. https://mail.example.com")
    return word.rstrip("/")


def read_address(node: Node) -> str:
    word = text(node)
    if not re.fullmatch(r"[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\"]+", word):
        raise Fault(node.place, "is not a mail address; write e.g. hello@example.com")
    return word


def _zone(node: Node) -> ZoneInfo:
    zone = zone_or_none(text(node))
    if zone is None:
        raise Fault(node.place, f"'{text(node)}' is not an IANA time zone; write e.g. Europe/Berlin")
    return zone


def _currency(node: Node) -> str:
    word = text(node)
    if not re.fullmatch(r"[A-Z]{3}", word):
        raise Fault(node.place, f"'{word}' is not an ISO 4217 currency; write e.g. EUR")
    return word


def _locale(node: Node) -> str:
    word = text(node)
    if not re.fullmatch(r"[a-z]{2,3}(_[A-Z][a-z]{3})?(_[A-Z]{2})?", word) or not _is_locale(word):
        raise Fault(node.place, f"'{word}' is not a locale; write e.g. en_US")
    return word


def _is_locale(word: str) -> bool:
    """Whether dates and amounts can be written so. Most are a file of Babel's, which takes long to import."""
    spec = find_spec("babel")
    if spec and spec.origin and (Path(spec.origin).parent / "locale-data" / f"{word}.dat").is_file():
        return True
    from babel import Locale, UnknownLocaleError

    try:
        return bool(Locale.parse(word))  # zh_TW is short for zh_Hant_TW
    except UnknownLocaleError:
        return False
