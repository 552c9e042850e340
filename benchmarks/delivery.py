"""Due touches through `sendgrid` to a sink on this machine, beside the usual script and beside the floor.

    python -m benchmarks.delivery --size 20k --store sqlite --json      # --only promo|small

For the mail of 20 kB (`promo`) and the one of 1.7 kB (`small`). Every customer is due one in each round, through the last
look with consent, suppression and an audience of three conditions. The script sends the same mail by SMTP. The floor reads
the customers by one bare SELECT, renders the mails as we do and posts the same requests, without a ledger, with as many
processes. `posts_per_second` are mails of requests that are ready: what the sink takes. `waiting` is the speed with a sink
that answers after 0.3 s, `flow` that of the same drain as a Prefect flow, whose server runs already,
`restrained` that under caps, hours, holidays and a pace that keep nobody back. The bars: 50x the script for `promo`, 2x the
floor, 0.8 of the speed when waiting, 0.9 as a flow, 400 MB.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

import orjson
from sqlalchemy import text

from benchmarks.mailing import NAMES, SCRIPT_MAILS, Mailing
from benchmarks.measure import Case, Wanted, arguments, case, empty_store, report, seconds, show
from benchmarks.memory import peak_mb
from benchmarks.posts import post_sink, posts_taken, wait_for_answers
from benchmarks.shape import NOW
from benchmarks.sinks import mail_sink
from crm_store.consent.keys import link_keys
from crm_store.content.sources import Sources
from crm_store.store import connect, parse_url, upgrade_store
from flows.jobs import STORE_VARIABLE
from outreach.channels.base import Mail
from outreach.channels.sendgrid import Options, request_body
from outreach.delivery import processes
from outreach.links import Link, Purpose, Signer
from outreach.rendering.mail import MailTemplate, closure
from outreach.rendering.renderer import Renderer
from outreach.wire.http import Http

ROUNDS = 3
BATCH = 1_000
WAIT = 0.3
CHANNEL = "{{provider: sendgrid, host: 'http://127.0.0.1:{port}', api_key_env: BENCHMARK_KEY}}"
_BARE = """\
SELECT t.id, c.id AS customer_id, c.key, c.email, c.first_name, c.city, c.attributes, e.amount, e.at, e.properties
FROM touch t JOIN customer c ON c.id = t.customer_id JOIN event e ON e.id = t.trigger_event_id
WHERE t.campaign = :campaign ORDER BY t.id"""
_COMPANY = {"name": "Ridge & Vale", "address": "1 Main St, 12345 Town", "currency": "USD"}


@dataclass
class Compared:
    """One mail: seconds of each round, and what they come to."""

    ours: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    script: list[float] = field(default_factory=list)  # for SCRIPT_MAILS
    posts_per_second: int = 0
    waiting: float = 0.0
    flow: float = 0.0
    restrained: float = 0.0
    peak_mb: float = 0.0
    bytes_a_mail: int = 0


@dataclass(frozen=True)
class Bench:
    """Customers, and the ports of the sinks for our posts and for the script's mails."""

    mailing: Mailing
    posts: int
    mails: int

    def compare(self, mail: str) -> Compared:
        found = Compared()
        for number in range(ROUNDS):
            campaign = f"{mail}-{number}"
            self.mailing.plan(campaign, mail)
            found.ours.append(seconds(partial(self.deliver, campaign)))
            found.floor.append(seconds(partial(self.floor, campaign, mail)))
            found.script.append(seconds(partial(self.mailing.script, mail, self.mails)))
        found.posts_per_second, found.bytes_a_mail = self.ready_posts(f"{mail}-0", mail)
        self.mailing.plan(f"{mail}-slow", mail)
        wait_for_answers(self.posts, WAIT)
        slow = seconds(partial(self.deliver, f"{mail}-slow"))
        wait_for_answers(self.posts, 0)
        found.waiting = round(median(found.ours) / slow, 2)
        self.mailing.plan(f"{mail}-memory", mail)
        found.peak_mb = peak_mb(partial(self.deliver, f"{mail}-memory"), [os.getpid()])
        with self.mailing.restrained(f"{mail}-restrained", mail):
            found.restrained = round(median(found.ours) / seconds(partial(self.deliver, f"{mail}-restrained")), 2)
        self.mailing.plan(f"{mail}-flow", mail)  # last: it loads Prefect
        found.flow = round(median(found.ours) / self.by_flow(f"{mail}-flow"), 2)
        return found

    def deliver(self, campaign: str) -> None:
        """Drain it. Raises SystemExit unless the sink has got each mail once."""
        before = posts_taken(self.posts).recipients
        self.mailing.deliver(campaign)
        taken = posts_taken(self.posts).recipients - before
        if taken != self.mailing.size:
            raise SystemExit(f"{taken} mails of {campaign} arrived, {self.mailing.size} were due")

    def by_flow(self, campaign: str) -> float:
        """The seconds of the flow that drains it. A first run, of a campaign without touches, loads what flows need."""
        from flows.clock.embedded import start_server

        start_server(self.mailing.root)  # before Prefect is loaded, which reads its settings then
        from flows.nurture import nurture

        named = partial(nurture, str(self.mailing.root), NOW.isoformat())
        asyncio.run(named("nothing", "today"))
        return seconds(lambda: asyncio.run(named(campaign, "today")))

    def floor(self, campaign: str, mail: str) -> None:
        """With as many processes as ours: each renders every so-manieth batch, and posts beside it."""
        count = processes(self.mailing.size)
        fork, mine = get_context("fork"), (campaign, mail)
        others = [fork.Process(target=self.part, args=(*mine, number, count)) for number in range(1, count)]
        for other in others:
            other.start()
        self.part(campaign, mail, 0, count)
        for other in others:
            other.join()
            assert other.exitcode == 0

    def part(self, campaign: str, mail: str, number: int, count: int) -> None:
        http = Http(f"http://127.0.0.1:{self.posts}")
        with ThreadPoolExecutor(1) as posting:
            answers = [posting.submit(_post, http, body) for body in self._bodies(campaign, mail, number, count)]
            assert all(answer.result() == 202 for answer in answers)

    def ready_posts(self, campaign: str, mail: str) -> tuple[int, int]:
        """How many mails a second the sink takes in requests that are ready, and the bytes of each."""
        bodies = list(islice(self._bodies(campaign, mail), 5))
        count = min(self.mailing.size, len(bodies) * BATCH)
        http = Http(f"http://127.0.0.1:{self.posts}")
        took = seconds(lambda: [_post(http, body) for body in bodies for _ in range(4)])
        return round(4 * count / took), sum(map(len, bodies)) // count

    def _bodies(self, campaign: str, mail: str, number: int = 0, count: int = 1) -> Iterator[bytes]:
        """The requests as the least program makes them."""
        files = {f"templates/{path.relative_to(self.mailing.root / 'templates')}": path.read_text("utf-8")
                 for path in sorted((self.mailing.root / "templates").rglob("*.j2"))}  # fmt: skip
        sources = Sources(files)
        renderer = Renderer(MailTemplate(mail, sources.subset(closure(mail, sources))))
        store = connect(parse_url(self.mailing.store.shared or "", self.mailing.root))  # no connection is ever forked
        with closing(store), store.read() as conn:
            signer = Signer("https://mail.example.com", link_keys(conn))
            rows = conn.execution_options(stream_results=True).execute(text(_BARE), {"campaign": campaign})
            for part in islice(rows.partitions(BATCH), number, None, count):
                batch = [_values(row, signer) for row in part]
                said = renderer.said_of(batch)
                mails = [_mail(row, values, one) for row, values, one in zip(part, batch, said, strict=True)]
                yield orjson.dumps(request_body(mails, Options()))


def _post(http: Http, body: bytes) -> int:
    head = {"Authorization": "Bearer x", "Content-Type": "application/json"}
    return http.call("POST", "/v3/mail/send", body, head, monotonic() + 60).status


def _values(row: Any, signer: Signer) -> dict[str, Any]:
    known = row.attributes if isinstance(row.attributes, dict) else json.loads(row.attributes)
    at = datetime.fromtimestamp(row.at / 1e6, UTC).isoformat()
    nothing = dict.fromkeys(("last_name", "birthday", "phone"))
    return {
        "customer": {
            **nothing,
            **known,
            "key": row.key,
            "email": row.email,
            "first_name": row.first_name,
            "city": row.city,
        },
        "event": {"kind": "order", "at": at, "amount": f"{row.amount / 100:.2f}", "currency": "USD", "store": "x"},
        "offer": {"name": "spring", "code": f"CODE-{row.id:08d}", "valid_until": "2026-07-31", "benefit": "15%"},
        "campaign": {"name": "promo", "title": "Spring", "topic": "offers"},
        "company": _COMPANY,
        "links": {
            "unsubscribe": signer.url(Link(Purpose.UNSUBSCRIBE, row.customer_id, row.id)),
            "preferences": signer.url(Link(Purpose.PREFERENCES, row.customer_id, row.id)),
        },
        "locale": "en_US",
        "zone": "America/New_York",
    }


def _mail(row: Any, values: dict[str, Any], said: Any) -> Mail:
    unsubscribe = f"<{values['links']['unsubscribe']}>"
    headers = {"List-Unsubscribe": unsubscribe, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    sender = ("hello@ridge.example.com", "Ridge & Vale", "service@ridge.example.com")
    return Mail(row.id, f"<{row.id}.x@ridge.example.com>", *sender, row.email, row.first_name or "", said, NOW, headers)


def main() -> None:
    wanted = arguments("delivery", "20k")
    names = [name for name in NAMES if not wanted.only or name in wanted.only]
    os.environ["BENCHMARK_KEY"] = "SG.benchmark"
    # A program that may not keep its compiled modules compiles them at each start, which is nobody's normal case.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    gc.set_threshold(100_000)  # as `rapport` does
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        posts, mails = stack.enter_context(post_sink()), stack.enter_context(mail_sink())
        url = stack.enter_context(empty_store(wanted.store, folder))
        upgrade_store(url, folder)
        os.environ[STORE_VARIABLE] = url
        mailing = Mailing.open(folder, url, CHANNEL.format(port=posts), wanted.size)
        results = {name: Bench(mailing, posts, mails).compare(name) for name in names}
        mailing.store.close()
    show(result(wanted, results), wanted.as_json)


def result(wanted: Wanted, results: dict[str, Compared]) -> dict[str, Any]:
    """The report; `against` and `per_second` are the first mail's."""
    cases: list[Case] = [case(name, median(one.ours), median(one.floor)) for name, one in results.items()]
    mails = {name: asdict(one) | figures(one, wanted.size) for name, one in results.items()}
    first = next(iter(mails.values()))
    head = {"against": {"usual_script": first["against"]}, "per_second": first["per_second"]}
    more = {**head, "peak_mb": max(one.peak_mb for one in results.values()), "mails": mails}
    return report("delivery", wanted, cases, more)


def figures(one: Compared, size: int) -> dict[str, float]:
    """Ratios are medians of the rounds' ratios: a busy moment of the machine hits all of a round."""
    against = median(script / SCRIPT_MAILS / (ours / size) for script, ours in zip(one.script, one.ours, strict=True))
    ratio = median(ours / floor for ours, floor in zip(one.ours, one.floor, strict=True))
    per_second = {"per_second": size / median(one.ours), "script_per_second": SCRIPT_MAILS / median(one.script)}
    return {"against": round(against, 1), "ratio": round(ratio, 2)} | {name: round(at) for name, at in per_second.items()}


if __name__ == "__main__":
    main()
