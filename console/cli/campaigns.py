"""rapport campaign: what campaigns say, and running one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.output import advise, console, say, show, show_one, warn
from console.cli.session import Reason, Session, session
from crm_store.content.faults import did_you_mean
from crm_store.errors import UsageError, no_customer

if TYPE_CHECKING:
    from outreach.publishing import Content

app = typer.Typer(help="Campaigns: what is said, to whom, when.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="A file of config/campaigns, without .yaml.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """All campaigns, and what became of their touches so far.

    Example: rapport campaign list
    """
    from console.alerts import alerts
    from crm_store.ledger.runs import Sum, sums
    from crm_store.ledger.states import CLAIMED, DISPATCHED, DUE, STATES

    here = session(context)
    content = _read(here)
    with here.store.read() as conn:
        totals = {one.campaign: one for one in sums(conn)}
    held = alerts(here.store, here.now)
    rows: list[dict[str, Any]] = []
    for one in content.campaigns.values():
        total = totals.get(one.name) or Sum(one.name, 0, 0, dict.fromkeys(STATES, 0))
        counts = {"eligible": total.eligible, **total.states, "sum_law": total.holds}
        rows.append({"campaign": one.name, "kind": one.kind, "status": one.status, "topic": one.topic, **counts})
    passing = [state for state in (CLAIMED, DISPATCHED) if any(row[state] for row in rows)]
    settled = [state for state in STATES if state not in (DUE, CLAIMED, DISPATCHED)]
    columns = ["campaign", "kind", "status", "topic", "eligible", DUE, *passing, *settled]
    show(rows, as_json, columns, title="Campaigns")
    warn(held)


@app.command("show")
def show_campaign(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """What a campaign says, with its defaults and its occasion key; its journey as a tree, and how many are at each step.

    Example: rapport campaign show birthday
    """
    from console.describe import describe_campaign
    from console.journeys import journey, journey_tree
    from crm_store.insight.places import places
    from crm_store.segmentation.hints import run_hints

    here = session(context)
    content = _read(here)
    if name not in content.campaigns:
        _refuse_held(here, name)
    said = describe_campaign(content, _known(content, name))
    audience = content.campaigns[name].audience
    with here.store.read() as conn:
        found = places(conn, name)
        advise(f"audience: {hint}" for hint in (run_hints(conn, audience) if audience else ()))
    steps = journey(content.campaigns[name], found)
    if as_json:
        counts = {"in": found.inside, "finished": found.finished, "left": found.left, "held_out": found.held_out}
        show_one({**said, "enrolments": counts, "journey": steps}, as_json)
        return
    show_one(said, as_json)
    say("")
    console().print(journey_tree(f"{name}: {found.words()}", steps))


@app.command("explain")
def explain_campaign(
    context: typer.Context,
    name: Name,
    customer: Annotated[str, typer.Option("--customer", help="The company's own key of the customer.")],
    at: Annotated[str | None, typer.Option("--at", help="The instant to look at, in ISO 8601; now unless said.")] = None,
    as_json: Json = False,
) -> None:
    """What stands between a customer and a campaign's mails, in order: the first that stopped her is named.

    Example: rapport campaign explain win-back --customer household-900
    """
    from console.cli.reasons import show_story
    from console.names import published_campaign
    from crm_store.insight.reasons import why

    here = session(context)
    instant = here.instant("--at", at) or here.now
    published_campaign(here.store, here.workspace, name)
    with here.store.read() as conn:
        story = why(conn, name, customer, instant)
    if story is None:
        raise no_customer(customer)
    show_story(story, as_json)


@app.command("results")
def campaign_results(
    context: typer.Context,
    name: Name,
    by: Annotated[str | None, typer.Option("--by", help="A line for each step, variant, country or week of entry.")] = None,
    as_json: Json = False,
) -> None:
    """What came of a campaign as of now: mails, how they were met, its goal and revenue, beside those held out.

    Example: rapport campaign results welcome --by step
    """
    from console.cli.outcomes import show_results
    from console.names import published_campaign
    from crm_store.insight.results import GROUPINGS, providers, results
    from crm_store.journeys.published import current
    from outreach.channels import TELLING

    if by is not None and by not in GROUPINGS:
        raise UsageError(f"--by {by} is not known{did_you_mean(by, GROUPINGS)}")
    here = session(context)
    published_campaign(here.store, here.workspace, name)
    with here.store.read() as conn:
        found = results(conn, name, by, here.now, here.workspace.settings.company.zone)
        took = providers(conn, name)
        has_goal = current(conn, name).campaign.goal is not None
    silent = took if not took & TELLING else set()
    show_results(found, by, as_json, f"What came of {name}", has_goal, silent)


@app.command("words")
def words_(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the part of docs/campaigns.md.")] = False,
    as_json: Json = False,
) -> None:
    """The kinds of campaigns, what enters them, and the steps there are.

    Example: rapport campaign words
    """
    from console.words import words, words_in_markdown

    if markdown:
        say(*words_in_markdown())
    else:
        show(words(), as_json, title="Words of campaign files")


@app.command("run")
def run_campaign(
    context: typer.Context,
    name: Name,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say who would get what, then undo it.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Of a dry run, show at most so many; --json has all.")] = 50,
    as_json: Json = False,
) -> None:
    """Publish the working tree, plan, and deliver this campaign; with --dry-run only say what would happen.

    A dry run goes through the real planning, of all campaigns, and the real last look, of a draft too, and is undone.

    Example: rapport campaign run win-back --dry-run
    """
    from outreach.publishing import check

    here = session(context)
    content = check(here.workspace)
    _known(content, name)
    if dry_run:
        from console.cli.outcomes import show_rehearsed
        from console.rehearsal import rehearse_campaign

        found = rehearse_campaign(here.store, content, name, here.now)
        show_rehearsed(found.rows, as_json, limit, f"Would happen now in {name} (nothing has)")
        warn(found.alerts)
        return
    from console.cli.running import publish_working_tree, report, run_flows, warn_of_what_waits

    told = publish_working_tree(here)
    report(run_flows(here, name), as_json)
    warn_of_what_waits(here, told)


@app.command("enrol")
def enrol_customers(
    context: typer.Context,
    name: Name,
    request: Annotated[str, typer.Option("--request", help="A key of yours: the same again enters nobody twice.")],
    customer: Annotated[str | None, typer.Option("--customer", help="The customer with this key.")] = None,
    segment: Annotated[str | None, typer.Option("--segment", help="Everybody in this segment.")] = None,
    list_name: Annotated[str | None, typer.Option("--list", help="Everybody on this list.")] = None,
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Enter customers into a campaign with `enter: {by_hand: true}`; they come in with the next run. It is logged.

    Example: rapport campaign enrol fair-follow-up --list trade-fair-2026 --request fair-2026
    """
    from console.names import published_campaign
    from crm_store.journeys.requests import Asked, enrol
    from crm_store.ledger.log import Order, person

    given = [(how, word) for how, word in (("customer", customer), ("segment", segment), ("list", list_name)) if word]
    if len(given) != 1:
        raise UsageError("whom? say one of --customer KEY, --segment NAME, --list NAME")
    here, (how, word) = session(context), given[0]
    published_campaign(here.store, here.workspace, name)
    segments = _read(here).segments
    if how == "segment" and word not in segments:
        raise UsageError(f"segment '{word}' is not in segments/{did_you_mean(word, segments)}")
    asked, zone = Asked(request, Order(person(), reason), how, word), here.workspace.settings.company.zone
    done = enrol(here.store, name, asked, segments, zone, here.now)
    if as_json:
        show_one({"campaign": name, "request": request, "customers": done.asked, "new": done.new}, as_json)
    else:
        say(f"{name}, request {request}: {done.new:,} of {done.asked:,} customers are new; they enter with the next run")


def _read(here: Session) -> Content:
    from outreach.publishing import read

    return read(here.workspace)


def _refuse_held(here: Session, name: str) -> None:
    """Of a campaign that is held because its file is gone there is nothing to show but that."""
    from console.alerts import alerts

    about = [alert for alert in alerts(here.store, here.now) if name in alert.campaigns]
    if about:
        raise UsageError(str(about[0]))


def _known(content: Content, name: str) -> str:
    from console.names import campaign_with_file

    return campaign_with_file(name, content.campaigns)
