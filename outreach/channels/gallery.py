"""A page that shows an outbox in a browser: index.html, and a page for each mail it lists."""

from __future__ import annotations

import email
import email.policy
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import format_datetime
from pathlib import Path

from jinja2 import Environment

from outreach.channels.base import Mail

Row = dict[str, str]
SHOWN = 1_000
INDEX, ROWS = "index.html", ".index.json"
_OF_THE_FORM = ("content-", "mime-")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; width: 100%; }
td, th { padding: .4rem .6rem; border-bottom: 1px solid #ddd; text-align: left; }
iframe { width: 100%; height: 46rem; border: 1px solid #ccc; }
pre { white-space: pre-wrap; background: #f6f6f6; padding: 1rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: 13rem 1fr; gap: .2rem 0; }
dt { color: #666; }
dd { margin: 0; overflow-wrap: anywhere; }
"""
_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
_INDEX = _PAGE.from_string("""\
<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Outbox</title><style>{{ style }}</style>
<h1>Outbox: {{ total }} mails</h1>
<p>{% if total > mails|length %}The newest {{ mails|length }} are shown. {% endif %}
Nothing of this has left the machine.</p>
<table><tr><th>Date</th><th>To</th><th>Subject</th></tr>
{% for mail in mails %}
<tr><td>{{ mail.date }}</td><td>{{ mail.to }}</td><td><a href="{{ mail.page }}">{{ mail.subject }}</a></td></tr>
{% endfor %}
</table></html>
""")
_MAIL = _PAGE.from_string("""\
<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{{ subject }}</title><style>{{ style }}</style>
<p><a href="../index.html">all mails</a> · <a href="{{ file }}">{{ file }}</a></p>
<h1>{{ subject }}</h1>
<dl>
{% for name, value in headers %}
<dt>{{ name }}</dt><dd>{{ value }}</dd>
{% endfor %}
</dl>
<h2>HTML</h2><iframe sandbox srcdoc="{{ html }}"></iframe>
<h2>Text</h2><pre>{{ text }}</pre>
</html>
""")


@dataclass(frozen=True)
class Page:
    """What the page of a mail shows."""

    subject: str
    headers: list[tuple[str, str]]
    html: str
    text: str

    def row(self, page: Path) -> Row:
        """Its line of the index."""
        found = dict(self.headers)
        path = f"{page.parent.name}/{page.name}"
        return {"date": found.get("Date", ""), "to": found.get("To", ""), "subject": self.subject, "page": path}


def write_gallery(folder: Path) -> Path | None:
    """Write what is missing of the pages for an outbox's newest mails. Returns the index, None if there are no mails."""
    return refresh_gallery(folder, {})


def refresh_gallery(folder: Path, written: Mapping[Path, Mail]) -> Path | None:
    """The same; `written`: mails of these files that need not be read. What a file says never changes: its page stays."""
    files = sorted(folder.glob("*/*.eml"))
    if not files:
        return None
    known = _known_rows(folder)
    shown = {_name(path): known.get(_name(path)) or _write_page(path, written.get(path)) for path in files[-SHOWN:]}
    newest = list(reversed(shown.values()))
    _put(folder / ROWS, json.dumps(shown, ensure_ascii=False))
    return _put(folder / INDEX, _INDEX.render(style=_STYLE, total=len(files), mails=newest))


def _known_rows(folder: Path) -> dict[str, Row]:
    """The rows of the last time whose pages and mails are still there; somebody may have emptied the outbox."""
    try:
        rows: dict[str, Row] = json.loads((folder / ROWS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: row for name, row in rows.items() if _is_page_of(folder / name, folder / row["page"])}


def _is_page_of(file: Path, page: Path) -> bool:
    """A page that is older than its mail shows one of an older store."""
    return page.is_file() and file.is_file() and page.stat().st_mtime_ns >= file.stat().st_mtime_ns


def _put(path: Path, text: str) -> Path:
    """Write a file as a whole: another process may be writing it, too."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
    return path


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _write_page(path: Path, mail: Mail | None) -> Row:
    page = _of_mail(mail) if mail else _of_message(read_mail(path))
    shown = _MAIL.render(
        style=_STYLE, file=path.name, subject=page.subject, headers=page.headers, html=page.html, text=page.text
    )
    return page.row(_put(path.with_suffix(".html"), shown))


def _of_mail(mail: Mail) -> Page:
    reply_to = [("Reply-To", mail.reply_to)] if mail.reply_to else []
    headers = [
        ("From", str(Address(mail.from_name, addr_spec=mail.from_address))),
        ("To", str(Address(mail.to_name, addr_spec=mail.to_address))),
        *reply_to,
        ("Subject", mail.subject),
        ("Date", format_datetime(mail.date)),
        ("Message-ID", mail.message_id),
        *mail.headers.items(),
    ]
    return Page(mail.subject, headers, mail.html, mail.text)


def _of_message(message: EmailMessage) -> Page:
    headers = [(name, str(value)) for name, value in message.items() if not name.lower().startswith(_OF_THE_FORM)]
    return Page(str(message["Subject"]), headers, part(message, "html"), part(message, "plain"))


def read_headers(path: Path) -> EmailMessage:
    """The mail of a file without its body."""
    with path.open("rb") as file:
        headers = BytesHeaderParser(policy=email.policy.default).parse(file)
    assert isinstance(headers, EmailMessage)
    return headers


def read_mail(path: Path) -> EmailMessage:
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def part(message: EmailMessage, subtype: str) -> str:
    """The text or HTML of a mail, its lines ending as they do here."""
    body = message.get_body((subtype,))
    return str(body.get_content()).replace("\r\n", "\n") if body else ""
