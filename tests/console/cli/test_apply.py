"""rapport apply: who is under way, what would become of them, and what is held."""

from __future__ import annotations

import pytest

from crm_store.ledger.control import pause_campaign
from crm_store.ledger.log import Order
from tests.console.cli.command import Rapport
from tests.console.cli.conftest import CAMPAIGN
from tests.journeys.files import next_at
from tests.world import Shop

WELCOME = "config/campaigns/welcome.yaml"
NEWER = {"wait: 1 day": "wait: 2 days"}
HELD = (
    "campaign 'welcome' is held since 2026-06-15 12:00 UTC: file gone; nothing of it is sent. "
    f"Put {WELCOME} back, or end it there with `status: ended`"
)


@pytest.fixture
def under_way(small_shop: Shop) -> Shop:
    """Alice waits after the first mail."""
    small_shop.publish()
    small_shop.tick()
    return small_shop


def then(rapport: Rapport) -> list[tuple[str, str, int, str]]:
    """(campaign, step, customers, what would become of them) of `apply --dry-run --json`."""
    rows = rapport("apply", "--dry-run", "--json").json["under_way"]
    return [(row["campaign"], row["step"], row["customers"], row["then"]) for row in rows]


def change(shop: Shop, *more: str, **replaced: str) -> None:
    text = CAMPAIGN
    for old, new in {**NEWER, **replaced}.items():
        text = text.replace(old, new)
    shop.campaign("welcome", text + "".join(f"{line}\n" for line in more))


WAIT = "wait before hello"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "stay in the version they entered with (changes: pin)"),
        (["changes: pin"], "stay in the version they entered with (changes: pin)"),
        (["changes: follow"], "stay there, in the new version"),
    ],
)
def test_a_dry_run_says_who_is_where_and_what_becomes_of_them(
    rapport: Rapport, under_way: Shop, lines: list[str], said: str
) -> None:
    assert then(rapport) == [("welcome", WAIT, 1, "go on")]
    change(under_way, *lines)
    assert then(rapport) == [("welcome", WAIT, 1, said)]


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ({"  - wait: 1 day\n": ""}, "go to hello, in the new version"),
        ({"wait: 1 day": "{wait: 1 day, name: rest, was: wait before hello}"}, "go to rest, in the new version"),
        ({"  - wait: 1 day\n  - send: hello\n": ""}, "come to the end: no step that follows is still there"),
        ({"status: live": "status: ended\nwhen_ended: exit"}, "leave: the campaign ends (when_ended: exit)"),
        ({"status: live": "status: paused"}, "stay there, in the new version, but nothing is sent: paused"),
    ],
)
def test_where_they_would_go(rapport: Rapport, under_way: Shop, replaced: dict[str, str], said: str) -> None:
    text = CAMPAIGN
    for old, new in replaced.items():
        text = text.replace(old, new)
    under_way.campaign("welcome", f"{text}changes: follow\n")
    assert then(rapport) == [("welcome", WAIT, 1, said)]


def test_a_dry_run_writes_nothing(rapport: Rapport, under_way: Shop) -> None:
    before = under_way.enrolments(), next_at(under_way)
    change(under_way, "changes: follow")
    shown = rapport("apply", "--dry-run").out
    assert "would be published: campaign welcome" in shown
    assert "Who is under way, and then" in shown
    assert "stay there, in the new version" in shown
    assert (under_way.enrolments(), next_at(under_way)) == before
    assert rapport("apply", "--json").json == {"published": ["campaign welcome"], "live_now": [], "alerts": []}
    assert next_at(under_way) != before[1]


def test_a_rename_is_shown_under_the_new_name(rapport: Rapport, under_way: Shop) -> None:
    (under_way.root / WELCOME).unlink()
    under_way.campaign("hello", CAMPAIGN + "was: welcome\n")
    (row,) = then(rapport)
    assert row[:3] == ("hello", WAIT, 1)


def test_what_is_held_is_an_alert_wherever_campaigns_are_shown(rapport: Rapport, under_way: Shop) -> None:
    (under_way.root / WELCOME).unlink()
    dry = rapport("apply", "--dry-run", "--json").json
    assert dry["alerts"] == [HELD]
    assert dry["under_way"][0]["then"] == "go on, but nothing is sent: file gone"
    assert rapport("campaign", "list").err == ""
    applied = rapport("apply")
    assert (applied.out, applied.err) == (
        "published: campaign welcome (its file is gone: held)\n",
        f"alert: {HELD}\n",
    )
    assert rapport("apply").err == f"alert: {HELD}\n"
    assert rapport("campaign", "list").err == f"alert: {HELD}\n"
    assert rapport("campaign", "show", "welcome").error == f"error: {HELD}"
    under_way.campaign("welcome", CAMPAIGN)
    assert rapport("apply").err == ""


def test_running_says_what_is_held(rapport: Rapport, under_way: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    from console.cli.running import publish_working_tree, warn_of_what_waits
    from console.cli.session import Session

    (under_way.root / WELCOME).unlink()
    here = Session(under_way.root, rapport.always[rapport.always.index("--store") + 1], "2026-06-15T12:00:00Z")
    told = publish_working_tree(here)
    assert f"alert: {HELD}\n" in capsys.readouterr().err
    here.store.write(pause_campaign, None, Order("ann"))
    warn_of_what_waits(here, told)  # what was told before is not told again
    assert capsys.readouterr().err.startswith("alert: all campaigns are paused by ann since ")
    here.close()
