"""Runs and their reports: what became of each touch, what providers said, how long a claim waited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from console.reporting import page, sum_law
from crm_store.insight.runs import Report, report, runs
from crm_store.ledger.dispatch import Answer, Refusal
from crm_store.schema import campaign_run, touch
from outreach.channels.base import Mail, NotAccepted
from tests.ledger.channels import Told, accept, use
from tests.ledger.clocks import clock_of
from tests.ledger.rows import change, planned
from tests.world import NOON, WITHDRAWN, Shop

MINUTE = timedelta(minutes=1)


def reported(shop: Shop, run: int = 1) -> Report:
    with shop.store.read() as conn:
        found = report(conn, run)
    assert found is not None
    return found


def test_a_report_has_every_reason_with_customers_of_it(shop: Shop) -> None:
    shop.customer("dave", email=...)
    for n in range(7):
        shop.customer(f"c{n}", consents=WITHDRAWN)
        shop.event(f"c{n}", "signed_up", timedelta(hours=1))
    shop.event("dave", "signed_up", timedelta(hours=1))
    planned(shop, "alice")
    shop.deliver()
    found = reported(shop)
    assert [(one.state, one.reason, one.touches) for one in found.reasons] == [
        ("skipped", "no_consent", 7),
        ("skipped", "no_address", 1),
    ]
    assert list(found.reasons[0].samples) == ["c0", "c1", "c2", "c3", "c4"]
    assert sum_law(found.run) == "9 eligible = 1 sent + 8 skipped"
    assert found.answers == []
    assert found.run.stands == "done"
    change(shop, touch, {"state": "in_doubt"})
    assert reported(shop).run.stands == "in doubt"
    change(shop, touch, {"state": "due"})
    assert reported(shop).run.stands == "open"


def test_what_a_provider_refused_is_in_it_though_it_was_accepted_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = clock_of(shop)
    answers = iter([refused, accept])

    def answer(mails: Sequence[Mail]) -> Answer:
        clock.ahead += MINUTE
        return next(answers)(mails)

    use(Told(answer), monkeypatch)
    planned(shop, "alice", "bob")
    shop.deliver()
    clock.ahead += 2 * MINUTE
    shop.deliver()
    found = reported(shop)
    assert found.answers == [("451 try later", 2)]
    assert found.run.states["sent"] == 2


def refused(mails: Sequence[Mail]) -> Answer:
    return Answer(refused={mail.touch_id: Refusal("451 try later", permanent=False) for mail in mails})


def test_so_is_a_doubt_and_a_request_that_was_refused_whole(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = iter([NotAccepted("413 too large", divide=True), TimeoutError(), TimeoutError()])

    def answer(mails: Sequence[Mail]) -> Answer:
        raise next(errors)

    use(Told(answer), monkeypatch)
    planned(shop, "alice", "bob")
    shop.deliver()
    said = dict(reported(shop).answers)
    assert said["refused whole: 413 too large"] == 2
    assert said["in doubt: no_answer"] >= 1


def test_the_longest_time_from_claim_to_dispatch_is_the_machines(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = clock_of(shop)

    def slow(*args: object) -> object:
        clock.ahead += MINUTE
        return of_touches(*args)

    from outreach import delivery

    of_touches = delivery.__dict__["of_touches"]
    monkeypatch.setattr(delivery, "of_touches", slow)
    planned(shop, "alice")
    assert reported(shop).slowest is None
    shop.deliver()
    slowest = reported(shop).slowest
    assert slowest is not None
    assert MINUTE <= slowest < 2 * MINUTE


def test_a_broken_sum_law_is_not_to_be_overlooked(shop: Shop) -> None:
    planned(shop, "alice")
    change(shop, campaign_run, {"eligible": 2})
    found = reported(shop)
    assert sum_law(found.run) == "THE SUM LAW IS BROKEN: 2 eligible, but 1 due"
    assert 'class="law broken"' in page(found, shop.workspace.settings.company)


def test_the_page_escapes_what_comes_from_the_store_and_needs_no_other_file(shop: Shop) -> None:
    planned(shop, "alice")
    change(shop, campaign_run, {"state": "stopped", "why": "<script>alert(1)</script>"})
    text = page(reported(shop), shop.workspace.settings.company)
    assert "&lt;script&gt;alert(1)" in text
    assert "<script" not in text
    assert "http" not in text


def test_runs_are_listed_newest_first(shop: Shop) -> None:
    planned(shop, "alice")
    shop.customer("bob")
    shop.event("bob", "signed_up", NOON)
    shop.plan()
    with shop.store.read() as conn:
        assert [one.id for one in runs(conn)] == [2, 1]
        assert [one.id for one in runs(conn, "c", limit=1)] == [2]
        assert runs(conn, "other") == []
        assert report(conn, 4711) is None
