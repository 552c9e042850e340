"""Mails made of a few texts, and values to render them with."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from crm_store.content.sources import Sources
from outreach.rendering.mail import MailTemplate
from outreach.rendering.said import Said

STYLE = "<style>p { color: red } @media (max-width: 480px) { p { color: blue } } a:hover { color: green }</style>"
VALUES: dict[str, Any] = {
    "customer": {"first_name": "Ann", "last_name": None, "vip": True, "tags": ["new", "local"], "nobody": None},
    "event": {"at": "2026-06-15T22:30:00+00:00", "amount": "1234.50", "currency": "EUR"},
    "offer": {"code": "7Q4ZK-M2XHD", "valid_until": "2026-07-01T00:00:00+00:00"},
    "company": {"name": "Shop", "currency": "USD"},
    "links": {"unsubscribe": "https://mail.example.com/u/token?a=1&b=2"},
    "locale": "en_US",
    "zone": "Europe/Berlin",
}


def sources(body: str, subject: str = "Hello", **others: str) -> Sources:
    """A mail `hello`; `others` by path below templates/, with __ for the slash and _j2 at the end for the suffix."""
    files = {"templates/hello/subject.j2": subject, "templates/hello/body.html.j2": body}
    named = {f"templates/{name.replace('__', '/').replace('_html_j2', '.html.j2')}": text for name, text in others.items()}
    return Sources({**files, **{name.replace("_txt_j2", ".txt.j2"): text for name, text in named.items()}})


def mail(body: str, subject: str = "Hello", **others: str) -> MailTemplate:
    return MailTemplate("hello", sources(body, subject, **others))


def rendered(body: str, subject: str = "Hello", **others: str) -> Said:
    return mail(body, subject, **others).render(VALUES)


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.things: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("style", "tbody"):
            self.things.append((tag, sorted((name, value or "") for name, value in attrs if name != "style")))

    def handle_data(self, data: str) -> None:
        if data.split():
            self.things.append(data.split())


def seen(html: str) -> list[object]:
    """What a reader gets of HTML: tags, attributes but styles, words."""
    parser = _Seen()
    parser.feed(html)
    parser.close()
    return parser.things
