"""The command, on a workspace with a little of everything."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.console.cli.command import Rapport
from tests.world import NOON, Shop

CAMPAIGN = """\
title: Welcome
kind: nurture
owner: mia
status: live
topic: offers
enter: {event: order}
offers: {gift: {discount: 15 %, code: unique, valid: 3 days}}
steps:
  - {send: gift, offer: gift}
  - wait: 1 day
  - send: hello
"""
SEGMENT = """\
title: Buyers
question: Who has ever bought?
owner: mia
who: {event: order}
examples: [{events: [order 3 days ago], member: true}]
"""


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No store and no workspace but those a test names. Set, then deleted: what a command sets is undone, too."""
    for name in ("RAPPORT_STORE", "RAPPORT_WORKSPACE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Rapport:
    """The command in a folder that is no workspace."""
    return Rapport(monkeypatch, capsys)


@pytest.fixture
def small_shop(shop: Shop) -> Shop:
    """A segment, a campaign, a customer who has ordered and one who has not."""
    shop.campaign("welcome", CAMPAIGN)
    shop.write({"segments/buyers.yaml": SEGMENT})
    shop.customer("alice", first_name="Alice")
    shop.customer("bob", first_name="Bob")
    shop.event("alice", "order", NOON - timedelta(hours=1), amount="49.90")
    return shop


@pytest.fixture
def rapport(
    small_shop: Shop, store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Rapport:
    """The command on that shop, at NOON."""
    options = ("--workspace", str(small_shop.root), "--store", store_url, "--now", NOON.isoformat())
    return Rapport(monkeypatch, capsys, options)
