"""rapport campaign explain: why a customer is, or is not, written to, printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.cli.explanations import condition_lines, plain_condition
from console.cli.output import say, show_one

if TYPE_CHECKING:
    from crm_store.insight.reasons import Story


def show_story(story: Story, as_json: bool) -> None:
    if as_json:
        show_one(_plain(story), as_json)
        return
    say(f"{story.customer} and {story.campaign} as of {story.at:%Y-%m-%d %H:%M:%S}Z:", "")
    width = max(len(check.name) for check in story.checks)
    for check in story.checks:
        say(f"{'yes' if check.passes else 'no':5}{check.name.ljust(width)}  {check.says}")
        if check.why is not None and check.why.parts:
            say(*(f"{'':{width + 7}}{line}" for line in condition_lines(check.why)))
    say("", f"stopped by {story.stopped.name}: {story.stopped.says}" if story.stopped else "nothing stops her")


def _plain(story: Story) -> dict[str, object]:
    checks = [
        {
            "check": one.name,
            "passes": one.passes,
            "says": one.says,
            "condition": plain_condition(one.why) if one.why else None,
        }
        for one in story.checks
    ]
    return {
        "campaign": story.campaign,
        "customer": story.customer,
        "at": story.at,
        "enrolments": list(story.occasions),
        "stopped_by": story.stopped.name if story.stopped else None,
        "checks": checks,
    }
