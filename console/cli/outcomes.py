"""rapport campaign results, and a dry run: what came, or would come, of a campaign, printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from console.cli.output import say, show

if TYPE_CHECKING:
    from crm_store.insight.results import Reached, Result


AFTERWARDS = ("delivered", "opened", "clicked", "bounced", "complained", "unsubscribed")
NO_GOAL = "it has no goal; with e.g. `goal: {event: order, within: 30 days, value: amount}` what it earned is counted"


def show_results(
    found: Sequence[Result], by: str | None, as_json: bool, title: str, has_goal: bool, silent: Collection[str]
) -> None:
    """Without a goal, now or ever, the second table says so: its zeros would read as a failure. So would those of mails
    whose providers, which are `silent`, never tell what became of them."""
    told = [one for one in found if any(one.counts[name] for name in AFTERWARDS)]
    unknown = AFTERWARDS if silent and not told else ()
    if as_json:
        show([_plain(one, by, unknown) for one in found], as_json)
        return
    show([_mails(one, by, unknown) for one in found], as_json, title=f"{title}: mails")
    if unknown:
        say(f"{' and '.join(sorted(silent))} took these mails, and never tells what became of them")
    if not has_goal and not any(one.reached.goal for one in found):
        say(f"{title}: {NO_GOAL}")
        return
    compared = any(one.held_out.entered for one in found)
    show([_goals(one, by, compared) for one in found], as_json, title=f"{title}: goal")


def _plain(one: Result, by: str | None, unknown: Collection[str]) -> dict[str, Any]:
    return {
        **({by: one.of} if by else {}),
        **_reached(one.reached),
        **{name: None if name in unknown else count for name, count in one.counts.items()},
        "rates": {name: None if name in unknown else rate for name, rate in one.rates.items()},
        "held_out": _reached(one.held_out),
    }


def _reached(one: Reached) -> dict[str, Any]:
    return {"entered": one.entered, "goal": one.goal, "goal_rate": one.goal_rate, "revenue": dict(one.revenue)}


def _mails(one: Result, by: str | None, unknown: Collection[str]) -> dict[str, Any]:
    counts = {name: _with_share(count, one.rates.get(name)) for name, count in one.counts.items()}
    return {**({by: one.of} if by else {}), **counts, **dict.fromkeys(unknown, "not known")}


def _goals(one: Result, by: str | None, compared: bool) -> dict[str, Any]:
    """Those who are held out stand beside where there are any."""
    row = {**({by: one.of} if by else {}), **_reaching(one.reached, "")}
    return {**row, **_reaching(one.held_out, "held_out: ")} if compared else row


def _reaching(one: Reached, whose: str) -> dict[str, str]:
    said = {"entered": str(one.entered), "goal": _with_share(one.goal, one.goal_rate), "revenue": _money(one.revenue)}
    return {f"{whose}{name}": value for name, value in said.items()}


def _with_share(count: int, rate: float | None) -> str:
    return str(count) if rate is None else f"{count} ({rate:.1%})"


def _money(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{amount} {currency}" for currency, amount in amounts.items()) or "0"


def show_rehearsed(rows: Sequence[Mapping[str, Any]], as_json: bool, limit: int, title: str) -> None:
    """How many touches would come to what, then the first of them."""
    if rows and not as_json:
        say(_summed(rows))
    show(rows if as_json else rows[:limit], as_json, title=title)
    if len(rows) > limit and not as_json:
        say(f"{len(rows) - limit:,} more: `--limit {len(rows)}` shows all, `--json` has all")


def _summed(rows: Sequence[Mapping[str, Any]]) -> str:
    """What would be sent, then the most frequent first: "154 would be sent, 12 skipped (no_consent)"."""
    said = (f"{row['outcome']} ({row['reason']})" if row["reason"] else row["outcome"] for row in rows)
    counts = sorted(Counter(said).items(), key=lambda one: (one[0] != "would be sent", -one[1], one[0]))
    return ", ".join(f"{count:,} {what}" for what, count in counts)
