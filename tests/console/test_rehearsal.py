"""A dry run goes through the real planning and the real last look, says who would get what, and leaves nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from console.rehearsal import rehearse_campaign
from crm_store.ledger.control import pause_campaign
from crm_store.ledger.log import Order
from crm_store.schema import METADATA
from tests.console.cli.command import Rapport
from tests.world import NOON, SETTINGS, Shop

WELCOME = """\
kind: nurture
status: draft
topic: offers
enter: {event: signed_up}
offers: {gift: {gift: a cup, code: unique}}
steps: [{send: gift, offer: gift}, {wait: 1 day}, {send: hello}]
"""


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """Everybody has just signed up; the campaign is a draft."""
    shop.campaign("welcome", WELCOME)
    shop.people()
    for key in ("alice", "bob", "carol", "dave"):
        shop.event(key, "signed_up", timedelta(hours=1))
    return shop


def rehearsed(shop: Shop, now: Any = NOON) -> dict[str, tuple[str, str | None]]:
    rows = rehearse_campaign(shop.store, shop.check(), "welcome", now).rows
    return {f"{row['customer']} {row['step']}": (row["outcome"], row["reason"]) for row in rows}


def counts(shop: Shop) -> dict[str, int]:
    with shop.store.read() as conn:
        return {
            table.name: conn.execute(select(func.count()).select_from(table)).scalar_one()
            for table in METADATA.sorted_tables
        }


EVERYBODY = {
    "alice gift": ("would be sent", None),
    "bob gift": ("skipped", "suppressed"),
    "carol gift": ("skipped", "no_consent"),
    "dave gift": ("skipped", "no_address"),
}


def test_a_draft_is_rehearsed_as_if_it_were_live(shop: Shop) -> None:
    assert rehearsed(shop) == EVERYBODY


def test_a_rehearsal_leaves_nothing_in_any_table(shop: Shop) -> None:
    before = counts(shop)
    rehearsed(shop)
    assert counts(shop) == before
    assert not (shop.root / "outbox").exists()


def test_a_second_rehearsal_says_the_same(shop: Shop) -> None:
    assert rehearsed(shop) == rehearsed(shop)


def test_what_was_settled_before_is_not_said_again(shop: Shop) -> None:
    shop.campaign("welcome", WELCOME.replace("draft", "live"))
    shop.publish()
    shop.tick()
    assert rehearsed(shop) == {}
    assert rehearsed(shop, NOON + timedelta(days=1)) == {"alice hello": ("would be sent", None)} | {
        f"{name} hello": EVERYBODY[f"{name} gift"] for name in ("bob", "carol", "dave")
    }


def test_what_is_rehearsed_is_what_then_happens(shop: Shop) -> None:
    said = rehearsed(shop)
    shop.campaign("welcome", WELCOME.replace("draft", "live"))
    shop.publish()
    shop.tick()
    happened = {f"{row[1]} {row[2]}": ("would be sent" if row[3] == "sent" else row[3], row[4]) for row in shop.touches()}
    assert said == happened


def test_what_others_would_send_counts_under_caps(shop: Shop) -> None:
    shop.write({"config/rapport.yaml": f"{SETTINGS}caps: [{{at_most: 1, per: 7 days}}]\n"})
    other = WELCOME.replace("draft", "live\npriority: 60").replace("{send: gift, offer: gift}", "{send: again}")
    shop.campaign("other", other)
    assert rehearsed(shop)["alice gift"] == ("skipped", "cap")


def test_what_keeps_a_campaign_back_is_said(shop: Shop) -> None:
    shop.campaign("welcome", WELCOME.replace("draft", "paused"))
    shop.publish()
    shop.campaign("welcome", WELCOME.replace("draft", "live\nguard: {recipients: {between: [1, 3]}}"))
    assert set(rehearsed(shop).values()) == {("would wait", "run held")}
    shop.store.write(pause_campaign, "welcome", Order("ann"))
    found = rehearse_campaign(shop.store, shop.check(), "welcome", NOON)
    assert {(row["outcome"], row["reason"]) for row in found.rows} == {("would wait", "paused")}
    assert [alert.about.split(":")[0] for alert in found.alerts] == ["paused", "held"]


def test_a_changed_file_is_rehearsed_as_it_is_now(shop: Shop) -> None:
    shop.campaign("welcome", WELCOME.replace("topic: offers", "topic: news"))
    assert rehearsed(shop)["carol gift"] == ("would be sent", None)


def test_a_dry_run_is_summed_up_before_its_first_rows(
    shop: Shop, store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    always = ("--workspace", str(shop.root), "--store", store_url, "--now", NOON.isoformat())
    called = Rapport(monkeypatch, capsys, always)
    words = ("campaign", "run", "welcome", "--dry-run")
    first, *_, last = called(*words, "--limit", "3").out.splitlines()
    assert first == "1 would be sent, 1 skipped (no_address), 1 skipped (no_consent), 1 skipped (suppressed)"
    assert last == "1 more: `--limit 4` shows all, `--json` has all"
    assert " more: " not in called(*words).out
    assert len(called(*words, "--limit", "3", "--json").json) == 4
