"""Rendering a mail of 20 kB for many customers, from their values to request bytes, beside plain Jinja doing the same.

    python -m benchmarks.render --size 2k --json

`ours_s` is the way a batch goes in a delivery: what the mails share once, the holes of each, a sample compared with plain
Jinja. To request bytes, a request of ours has up to 1,000 recipients with their substitutions, one of plain Jinja a single
mail. Expanded, both make the whole subject, text and HTML of every mail. The floor fills the shell with holes that are
there already and makes the same bytes: no program can do less. The bars: 7x plain Jinja to request bytes, 5x expanded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from benchmarks.measure import arguments, case, report, seconds, show
from crm_store.content.sources import Sources
from outreach.rendering.environment import readable
from outreach.rendering.mail import MailTemplate, closure
from outreach.rendering.renderer import Renderer
from outreach.rendering.said import Said

MAILS = Path(__file__).parent / "mails"
PAIRS = 5
PER_REQUEST = 1_000
Values = Mapping[str, Any]


def main() -> None:
    wanted = arguments("render", "2k")
    mails = Mails(promo(), [values(number) for number in range(wanted.size)])
    works = {work.__name__: work for work in (mails.ours, mails.plain, mails.expanded, mails.plain_expanded, mails.floor)}
    taken = in_pairs(works)
    at = {name: median(times) for name, times in taken.items()}
    against = {
        "plain_jinja": ratio(taken["plain"], taken["ours"]),
        "plain_jinja_expanded": ratio(taken["plain_expanded"], taken["expanded"]),
    }
    (one,) = mails.renderer.said_of(mails.batch[:1])
    assert isinstance(one, Said)
    more = {
        "against": against,
        "per_second": round(wanted.size / at["ours"]),
        "parts": {name: round(seconds, 4) for name, seconds in at.items()},
        "html_bytes": len(one.html.encode()),
        "holes": len(mails.said()[0].holes),
    }
    show(report("render", wanted, [case("to request bytes", at["ours"], at["floor"])], more), wanted.as_json)


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """The median of the pairs' ratios: a busy moment of the machine hits both of a pair."""
    return round(median(one / other for one, other in zip(theirs, ours, strict=True)), 2)


def in_pairs(works: Mapping[str, Callable[[], object]]) -> dict[str, list[float]]:
    for work in works.values():
        work()  # the first time fills caches
    rounds = [{name: seconds(work) for name, work in works.items()} for _ in range(PAIRS)]
    return {name: [one[name] for one in rounds] for name in works}


@dataclass
class Mails:
    """The mail and its customers, and the ways from them to bytes."""

    template: MailTemplate
    batch: Sequence[Values]

    def __post_init__(self) -> None:
        self.renderer = Renderer(self.template)
        self.ready = self.said()

    def said(self) -> list[Said]:
        made = [one for start in range(0, len(self.batch), PER_REQUEST) for one in self._batch(start)]
        return [one for one in made if isinstance(one, Said)]

    def _batch(self, start: int) -> Sequence[object]:
        return self.renderer.said_of(self.batch[start : start + PER_REQUEST])

    def ours(self) -> int:
        return sum(map(len, requests(self.said(), self.batch)))

    def floor(self) -> int:
        return sum(map(len, requests(self.ready, self.batch)))

    def expanded(self) -> int:
        return sum(len(one.subject) + len(one.text) + len(one.html) for one in self.said())

    def plain(self) -> int:
        return sum(len(single(*parts, one)) for parts, one in zip(self._plain(), self.batch, strict=True))

    def plain_expanded(self) -> int:
        return sum(len(subject) + len(text) + len(html) for subject, text, html in self._plain())

    def _plain(self) -> Iterator[tuple[str, str, str]]:
        """Jinja and nothing else: no limits, nothing put in order afterwards."""
        subject, text, html = (env.get_template(file) for env, file in self.template.parts)
        for one in self.batch:
            known = readable(one)
            yield subject.render(known), text.render(known), html.render(known)


def requests(said: Sequence[Said], batch: Sequence[Values]) -> Iterator[bytes]:
    """Requests of a provider that substitutes: the shell with a tag for each hole, and what fills them."""
    for start in range(0, len(said), PER_REQUEST):
        mails = said[start : start + PER_REQUEST]
        shell = mails[0].shell
        tags = [f"-h{number:03d}-" for number in range(len(mails[0].holes))]
        personal = [
            {"to": [{"email": one["customer"]["email"]}], "substitutions": dict(zip(tags, mail.holes, strict=True))}
            for mail, one in zip(mails, batch[start:], strict=False)
        ]
        yield request(shell.subject.fill(tags), shell.text.fill(tags), shell.html.fill(tags), personal)


def single(subject: str, text: str, html: str, one: Values) -> bytes:
    return request(subject, text, html, [{"to": [{"email": one["customer"]["email"]}]}])


def request(subject: str, text: str, html: str, personal: Sequence[Mapping[str, Any]]) -> bytes:
    content = [{"type": "text/plain", "value": text}, {"type": "text/html", "value": html}]
    return json.dumps({"personalizations": personal, "subject": subject, "content": content}).encode()


def promo() -> MailTemplate:
    """The mail that is measured, always the same."""
    files = {f"templates/{path.relative_to(MAILS)}": path.read_text("utf-8") for path in sorted(MAILS.rglob("*.j2"))}
    sources = Sources(files)
    return MailTemplate("promo", sources.subset(closure("promo", sources)))


def values(number: int) -> dict[str, Any]:
    """A customer's values, the same for the same number."""
    random = Random(number)
    names = ("Ann", "Zoë", None, "O'Neil", "李雷", "Müller & Söhne", "Jean-Luc", "Ada")
    customer = {
        "key": f"C{number:08d}",
        "email": f"customer-{number}@example.com",
        "first_name": random.choice(names),
        "city": random.choice(("Köln", "São Paulo", None, "Leeds")),
        "tier": random.choice(("gold", "silver", "silver", None)),
        "points": random.randrange(2_000),
        **dict.fromkeys(("last_name", "phone", "region", "postal_code", "joined_on", "stage")),
        "country": "US",
        "locale": "en_US",
        "time_zone": "America/New_York",
        "birthday": "1990-05-17",
    }
    amount = f"{random.randrange(500, 20_000) / 100:.2f}"
    day = f"2026-{random.randrange(1, 7):02d}-{random.randrange(1, 29):02d}T{random.randrange(24):02d}:15:00+00:00"
    return {
        "customer": customer,
        "event": {"kind": "order", "at": day, "amount": amount, "currency": "USD", "store": "north"},
        "offer": {
            "name": "spring",
            "code": f"{random.getrandbits(40):010X}",
            "valid_until": "2026-07-31",
            "benefit": "15%",
        },
        "campaign": {"name": "spring", "title": "Spring on the shelves", "topic": "offers"},
        "company": {"name": "Ridge & Vale", "address": "1 Main St, 12345 Town", "currency": "USD"},
        "links": {name: f"https://mail.example.com/{name[0]}/{random.getrandbits(184):031x}" for name in LINKS},
        "locale": "en_US",
        "zone": "America/New_York",
    }


LINKS = ("unsubscribe", "preferences")


if __name__ == "__main__":
    main()
