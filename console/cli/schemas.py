"""rapport schema: JSON Schemas for editors."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from console.cli.output import say
from console.cli.session import session
from crm_store.content.faults import nearest
from crm_store.errors import UsageError

KINDS = ("segment", "campaign", "vocabulary")


def register(app: typer.Typer) -> None:
    app.command("schema")(schema)


def schema(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="segment, campaign or vocabulary.")],
) -> None:
    """The JSON Schema of a kind of file, with this workspace's own words, so that editors complete and check.

    Example: rapport schema segment
    """
    from console.schemas import schema_of

    if kind not in KINDS:
        raise UsageError(f"'{kind}' has no schema; there are {', '.join(KINDS)}{nearest(kind, KINDS)}")
    say(json.dumps(schema_of(kind, session(context).workspace), indent=2, ensure_ascii=False))
