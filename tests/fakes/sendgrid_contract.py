"""What SendGrid's v3 mail/send takes: its specification (twilio/sendgrid-oai), its error pages, and what neither says.

Sources and figures: notes/email-facts.md. Where two sources differ the stricter one is held.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from outreach.wire.addresses import mailbox

Fault = tuple[str | None, str]
TOP = {
    "personalizations": list, "from": dict, "reply_to": dict, "subject": str, "content": list, "headers": dict,
    "categories": list, "custom_args": str, "send_at": int, "batch_id": str, "asm": dict, "ip_pool_name": str,
    "mail_settings": dict, "tracking_settings": dict, "template_id": str, "attachments": list, "reply_to_list": list,
}  # fmt: skip
PERSONAL = {
    "to": list, "from": dict, "cc": list, "bcc": list, "subject": str, "headers": dict, "substitutions": dict,
    "dynamic_template_data": dict, "custom_args": dict, "send_at": int,
}  # fmt: skip
RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
    "subject", "reply-to", "cc", "bcc",
}  # fmt: skip
ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@([A-Za-z0-9_-]+\.)+[A-Za-z0-9-]{2,}", re.ASCII)
MOST_RECIPIENTS, MOST_BYTES, MOST_TAGS, LARGEST = 1_000, 10_000, 100, 20_000_000
LONGEST_AHEAD = 72 * 3600


def faults_of(raw: bytes) -> list[Fault]:
    """(field, what is wrong) of everything that the service would refuse, or that would do harm unseen."""
    if len(raw) > LARGEST:
        return [(None, "larger than 20 MB")]
    try:
        body = json.loads(raw)
    except ValueError:
        return [(None, "not JSON")]
    if not isinstance(body, dict):
        return [(None, "not an object")]
    types = list(_types("", body, TOP))
    return types or [*_top(body), *_personalizations(body), *_together(body)]


def _types(at: str, value: Mapping[str, Any], known: Mapping[str, type]) -> Iterator[Fault]:
    for name, one in value.items():
        if name not in known:
            yield at + name, "is not a field"
        elif not isinstance(one, known[name]):
            yield at + name, f"Invalid type. Expected: {known[name].__name__}"


def _top(body: Mapping[str, Any]) -> Iterator[Fault]:
    yield from ((name, "is required") for name in ("personalizations", "from", "subject", "content") if not body.get(name))
    yield from _person("from", body.get("from", {}))
    if "reply_to" in body:
        yield from _person("reply_to", body["reply_to"])
    yield from _headers("headers", body.get("headers", {}))
    yield from _content(body.get("content", []))
    categories = body.get("categories", [])
    if len(categories) > 10 or len(set(categories)) < len(categories) or any(not 0 < len(c) <= 255 for c in categories):
        yield "categories", "at most ten different ones of at most 255 characters"
    if not 2 <= len(body.get("ip_pool_name", "xx")) <= 64:
        yield "ip_pool_name", "2 to 64 characters"
    if body.get("send_at", 0) > time.time() + LONGEST_AHEAD:
        yield "send_at", "more than 72 hours ahead"


def _content(parts: list[Any]) -> Iterator[Fault]:
    kinds = [part.get("type") for part in parts]
    if kinds != [kind for kind in ("text/plain", "text/html") if kind in kinds]:
        yield "content", "text/plain must come first, followed by text/html"
    for number, part in enumerate(parts):
        if not isinstance(part.get("value"), str) or not part["value"]:
            yield f"content.{number}.value", "The content value must be a string at least one character in length."


def _person(at: str, value: Any, quoted: bool = True) -> Iterator[Fault]:
    email, name = value.get("email"), value.get("name", "x")
    if not isinstance(email, str) or not ADDRESS.fullmatch(email) or ".." in email:
        yield f"{at}.email", "Does not contain a valid address."
    if not isinstance(name, str) or not name or re.search(r"[\r\n\0]", name):
        yield f"{at}.name", "must be a string on one line that is not empty"
    elif not quoted and set(name) & set(",;") and not re.fullmatch(r'".*"', name):
        yield f"{at}.name", "a comma or semicolon ends the name (sendgrid-python#291)"


def _headers(at: str, headers: Mapping[str, Any]) -> Iterator[Fault]:
    for name, value in headers.items():
        if name.lower() in RESERVED:
            yield f"{at}.{name}", "is a reserved header"
        if not isinstance(value, str) or not value or re.search(r"[^\x20-\x7e]", name + value):
            yield f"{at}.{name}", "must be ASCII on one line that is not empty"


def _personalizations(body: Mapping[str, Any]) -> Iterator[Fault]:
    for number, one in enumerate(body.get("personalizations", [])):
        at = f"personalizations.{number}"
        if not isinstance(one, dict):
            yield at, "Invalid type. Expected: object"
            continue
        yield from _types(f"{at}.", one, PERSONAL)
        if not one.get("to"):
            yield f"{at}.to", "The to array is required for all personalization objects"
        for index, person in enumerate(one.get("to", [])):
            yield from _person(f"{at}.to.{index}", person, quoted=False)
        yield from _headers(f"{at}.headers", one.get("headers", {}))
        yield from _strings(f"{at}.custom_args", one.get("custom_args", {}), MOST_BYTES)
        yield from _substitutions(f"{at}.substitutions", one.get("substitutions", {}))


def _strings(at: str, values: Mapping[str, Any], most: int) -> Iterator[Fault]:
    if any(not isinstance(value, str) for value in values.values()):
        yield None, "Bad Request"  # the service says no more than that
    elif len(json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()) > most:
        yield at, f"larger than {most} bytes"


def _substitutions(at: str, values: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _strings(at, values, MOST_BYTES)
    if len(values) > MOST_TAGS:
        yield at, f"more than {MOST_TAGS} tags"
    for tag in values:
        if len(tag) < 3 or re.search(r"[\s<>&]", tag):
            yield f"{at}.{tag}", "a tag has no spaces, no <, > and &"
        if any(isinstance(value, str) and tag in value for value in values.values()):
            yield f"{at}.{tag}", "stands in a value: it would be expanded there"
        if any(tag != other and tag in other for other in values):
            yield f"{at}.{tag}", "is part of another tag"


def _together(body: Mapping[str, Any]) -> Iterator[Fault]:
    """What the personalizations must not have in common."""
    people = [person for one in body.get("personalizations", []) for person in one.get("to", [])]
    if len(people) > MOST_RECIPIENTS:
        yield "personalizations", f"more than {MOST_RECIPIENTS} recipients"
    emails = [str(person.get("email")) for person in people]
    if len({email.lower() for email in emails}) < len(emails):
        yield "personalizations", "Each unique email address in the personalizations array should only be included once"
    elif len({mailbox(email) for email in emails}) < len(emails):
        yield "personalizations", "two addresses end in one mailbox, which shows one of two mails with one Message-ID"
    tracking = body.get("tracking_settings", {})
    for name in ("click_tracking", "open_tracking", "subscription_tracking"):
        if tracking.get(name, {}).get("enable") is not False:
            yield f"tracking_settings.{name}", "is on: it would rewrite our links and add its own way to unsubscribe"
