"""A page that shows an outbox in a browser: index.html, and a page for each mail it lists."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path

from jinja2 import Environment

SHOWN = 1_000
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


def write_gallery(folder: Path) -> Path | None:
    """Write the pages for the newest mails of an outbox. Returns the index, None if there are no mails."""
    files = sorted(folder.glob("*/*.eml"))
    if not files:
        return None
    shown = [_write_page(path) for path in reversed(files[-SHOWN:])]
    index = folder / "index.html"
    index.write_text(_INDEX.render(style=_STYLE, total=len(files), mails=shown), encoding="utf-8")
    return index


def _write_page(path: Path) -> dict[str, str]:
    message = read_mail(path)
    page = path.with_suffix(".html")
    page.write_text(
        _MAIL.render(
            style=_STYLE,
            subject=message["Subject"],
            file=path.name,
            headers=[(name, value) for name, value in message.items() if not name.lower().startswith("content-")],
            html=part(message, "html"),
            text=part(message, "plain"),
        ),
        encoding="utf-8",
    )
    return {
        "date": str(message["Date"]),
        "to": str(message["To"]),
        "subject": str(message["Subject"]),
        "page": f"{path.parent.name}/{page.name}",
    }


def read_mail(path: Path) -> EmailMessage:
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def part(message: EmailMessage, subtype: str) -> str:
    """The text or HTML of a mail, its lines ending as they do here."""
    body = message.get_body((subtype,))
    return str(body.get_content()).replace("\r\n", "\n") if body else ""
