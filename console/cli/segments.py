"""rapport segment: who is in which segment, and what a segment says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.output import advise, counted, say, show, show_one
from console.cli.session import Session, session
from crm_store.content.faults import Faults, did_you_mean
from crm_store.errors import ContentError, UsageError, no_customer

if TYPE_CHECKING:
    from console.cli.differences import Report
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


@app.command("kinds")
def kinds_(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the part of docs/segments.md.")] = False,
    as_json: Json = False,
) -> None:
    """The kinds of conditions and their keys.

    Example: rapport segment kinds
    """
    from console.kinds import kinds, kinds_in_markdown, kinds_in_words

    if as_json:
        show(kinds(), as_json)
    else:
        say(*(kinds_in_markdown() if markdown else kinds_in_words()))


@app.command("count")
def count_(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """How many customers are in a segment.

    Example: rapport --now 2017-12-24T12:00:00Z segment count regulars --json
    """
    from crm_store.segmentation.compile import count
    from crm_store.segmentation.hints import run_hints

    here = session(context)
    one = _segment(here, name)
    with here.store.read() as conn:
        found = count(conn, one.who, _scope(here, conn))
        advise(f"segment '{name}': {hint}" for hint in run_hints(conn, one.who))
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
def explain(
    context: typer.Context,
    name: Name,
    customer: Annotated[
        str | None, typer.Option("--customer", help="Why the customer with this key is in it or not.")
    ] = None,
    as_json: Json = False,
) -> None:
    """A segment's sentence, its SQL and how many customers are in it; or each of its conditions for one customer.

    Example: rapport segment explain drifting-away --customer household-900
    """
    here = session(context)
    one = _segment(here, name)
    if customer is not None:
        _explain_for(here, one, customer, as_json)
        return
    from crm_store.segmentation.compile import count, written_out

    zone = here.workspace.settings.company.zone.key
    with here.store.read() as conn:
        scope = _scope(here, conn)
        found, statement = count(conn, one.who, scope), written_out(one.who, scope, conn)
    row = {"segment": name, "says": one.sentence(), "now": here.now, "zone": zone, "customers": found, "sql": statement}
    if as_json:
        show_one(row, as_json)
    else:
        who = counted(found, "customer")
        say(one.sentence(), f"{who} as of {here.now:%Y-%m-%d %H:%M:%S}Z (days of {zone}).", "", statement)


def _explain_for(here: Session, one: Segment, key: str, as_json: bool) -> None:
    from dataclasses import replace

    from console.cli.explanations import show_judged
    from crm_store.segmentation.explaining import judge

    with here.store.read() as conn:
        judged = judge(conn, one.who, replace(_scope(here, conn), shape="among"), key)
    if judged is None:
        raise no_customer(key)
    show_judged(one.name, key, judged, here.now, here.workspace.settings.company.zone, as_json)


@app.command()
def diff(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A file of segments/, without .yaml; or --all.")] = None,
    against: Annotated[str, typer.Option(help="The revision of git to compare with: a branch, tag or commit.")] = "HEAD",
    all_: Annotated[bool, typer.Option("--all", help="Every segment; those that have not changed are counted.")] = False,
    sample: Annotated[int, typer.Option(min=0, help="Show the keys of at most so many who enter or leave.")] = 10,
    as_json: Json = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown for a pull request.")] = False,
) -> None:
    """Who enters and who leaves by what has changed in the files since a revision of git, on the store as it is.

    Segments that it refers to, vocabulary and settings count with it. Campaigns that use it are named.

    Example: rapport segment diff regulars --against main --markdown
    """
    if (name is None) != all_:
        raise UsageError("`segment diff` takes a segment's name, or --all for every segment; say one of them")
    if as_json and as_markdown:
        raise UsageError("--json and --markdown are two forms of the same; say one of them")
    from console.cli.differences import show_json, show_markdown, show_table

    here = session(context)
    report = _compared(here, name, against, sample)
    (show_json if as_json else show_markdown if as_markdown else show_table)(report)


def _compared(here: Session, name: str | None, against: str, sample: int) -> Report:
    from console.cli.differences import Report
    from console.comparison import Pair
    from console.revisions import content_at, find_revision
    from outreach.publishing import read

    after = read(here.workspace)
    revision = find_revision(here.root, against)
    pair = Pair(here.store, here.now, content_at(here.root, revision), after)
    known = pair.names()
    if name is not None and name not in known:
        raise UsageError(f"segment '{name}' is not in segments/, now or at {against}{did_you_mean(name, known)}")
    found = list(pair.compare(known if name is None else [name], sample, unchanged_too=name is not None))
    zone = here.workspace.settings.company.zone.key
    return Report(revision, here.now, zone, found, len(known) - len(found) if name is None else 0)


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
