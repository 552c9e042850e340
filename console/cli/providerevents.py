"""rapport import provider-events: what providers tell about mails that have left."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli.output import say, show_one
from console.cli.session import session
from crm_store.content.faults import did_you_mean
from crm_store.errors import RapportError, UsageError


def provider_events(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A JSON list as the provider posts it, or one a line.")],
    provider: Annotated[str, typer.Option(help="Who tells.")] = "sendgrid",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Deliveries, bounces, openings, clicks, complaints: each once, in any order. They end doubts; bounces suppress.

    Example: rapport import provider-events events.json --provider sendgrid
    """
    from outreach.events import TELLERS, take

    if provider not in TELLERS:
        raise UsageError(f"provider '{provider}' tells nothing that is known{did_you_mean(provider, TELLERS)}")
    taken = take(session(context).store, provider, read_file(file))
    told = taken.told
    row = {
        "new": told.new,
        "known already": told.known,
        "kept aside": told.aside,
        "doubts ended": told.settled,
        "not about our mails": taken.others,
        "could not be read": len(taken.faults),
    }
    show_one(row if as_json else {name: value for name, value in row.items() if value or name == "new"}, as_json)
    if not as_json:
        say(*taken.faults[:10])


def read_file(file: Path) -> list[Any]:
    """The events of a file: a JSON list, or lines of JSON, each an event or a list of them."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise RapportError(f"{file} is not UTF-8; save what the provider posted as it came") from None
    with suppress(ValueError):
        return _events(json.loads(text))
    found: list[Any] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            found += _of_line(file, number, line)
    return found


def _of_line(file: Path, number: int, line: str) -> list[Any]:
    try:
        return _events(json.loads(line))
    except ValueError:
        raise RapportError(f"{file}:{number} is not JSON; save what the provider posted as it came") from None


def _events(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
