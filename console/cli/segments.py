"""rapport segment: who is in which segment, and what a segment says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.output import say, show, show_one
from console.cli.session import Session, session
from crm_store.content.faults import Faults, did_you_mean
from crm_store.errors import ContentError, UsageError

if TYPE_CHECKING:
    from crm_store.segmentation.language import Scope
    from crm_store.segmentation.segment import Segment

app = typer.Typer(help="Segments: who is chosen.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="A file of segments/, without .yaml.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """All segments with their questions.

    Example: rapport segment list
    """
    rows = [
        {"segment": one.name, "title": one.title, "question": one.question, "owner": one.owner}
        for one in _segments(session(context)).values()
    ]
    show(rows, as_json, title="Segments")


@app.command("show")
def show_segment(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """What a segment says, in English.

    Example: rapport segment show regulars
    """
    one = _segment(session(context), name)
    show_one(
        {
            "segment": one.name,
            "title": one.title,
            "question": one.question,
            "owner": one.owner,
            "says": one.sentence(),
            "refers to": ", ".join(sorted(set(one.who.segments()))) or None,
            "examples": len(one.examples),
        },
        as_json,
    )


@app.command("count")
def count_(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """How many customers are in a segment.

    Example: rapport --now 2017-12-24T12:00:00Z segment count regulars --json
    """
    from crm_store.segmentation.compile import count

    here = session(context)
    one = _segment(here, name)
    with here.store.read() as conn:
        found = count(conn, one.who, _scope(here, conn))
    if as_json:
        show_one({"segment": name, "now": here.now, "customers": found}, as_json)
    else:
        say(str(found))


@app.command()
def members(
    context: typer.Context,
    name: Name,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    as_json: Json = False,
) -> None:
    """The keys of a segment's customers, a line each, in order.

    Example: rapport segment members regulars --limit 10
    """
    from crm_store.segmentation.compile import member_keys

    here = session(context)
    one = _segment(here, name)
    with here.store.read() as conn:
        keys = member_keys(conn, one.who, _scope(here, conn), limit)
        if as_json:
            show([{"key": key} for key in keys], as_json)
        else:
            for key in keys:
                say(key)


@app.command()
def sql(
    context: typer.Context,
    name: Name,
    among: Annotated[bool, typer.Option("--among", help="The form for few given customers.")] = False,
) -> None:
    """The SQL a segment is compiled to.

    Example: rapport segment sql regulars
    """
    from dataclasses import replace

    from crm_store.segmentation.compile import written_out

    here = session(context)
    one = _segment(here, name)
    with here.store.read() as conn:
        scope = _scope(here, conn)
        say(written_out(one.who, replace(scope, shape="among") if among else scope, conn))


@app.command()
def explain(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """A segment's sentence, its SQL and how many customers are in it.

    Example: rapport segment explain drifting-away
    """
    from crm_store.segmentation.compile import count, written_out

    here = session(context)
    one = _segment(here, name)
    zone = here.workspace.settings.company.zone.key
    with here.store.read() as conn:
        scope = _scope(here, conn)
        found, statement = count(conn, one.who, scope), written_out(one.who, scope, conn)
    row = {"segment": name, "says": one.sentence(), "now": here.now, "zone": zone, "customers": found, "sql": statement}
    if as_json:
        show_one(row, as_json)
    else:
        say(one.sentence(), f"{found} customers as of {here.now:%Y-%m-%d %H:%M:%S}Z (days of {zone}).", "", statement)


def _segments(here: Session) -> dict[str, Segment]:
    from crm_store.segmentation.segment import load_segments

    faults = Faults()
    found = load_segments(here.workspace.sources, here.workspace.vocabulary, faults)
    if faults.found:
        raise ContentError(faults.found)
    return found


def _segment(here: Session, name: str) -> Segment:
    segments = _segments(here)
    if name not in segments:
        raise UsageError(f"segment '{name}' is not in segments/{did_you_mean(name, segments)}")
    return segments[name]


def _scope(here: Session, conn: Any) -> Scope:
    from crm_store.segmentation.compile import scope_of

    return scope_of(conn, here.now, here.workspace.settings.company.zone, _segments(here))
