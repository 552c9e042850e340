"""Accounts: an outage puts one request a connection into doubt and one touch a probe; rates, blocks and refusals hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from crm_store.ledger import accounts
from crm_store.ledger.accounts import FIRST_PROBE, LONGEST_PROBE, Account
from crm_store.ledger.dispatch import Answer
from outreach.channels.base import Mail, NotAccepted
from tests.journeys.files import sums_hold
from tests.ledger.channels import Told, accept, fail_with, use
from tests.ledger.clocks import SetClock, clock_of
from tests.ledger.rows import by_customer, planned
from tests.world import NOON, SETTINGS, Shop

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
EACH = 5  # mails a request


def configure(shop: Shop, channel: str = "", delivery: str = "batch: 50") -> None:
    given = f"channels: {{email: {{provider: outbox{channel}}}}}\n"
    shop.write({"config/rapport.yaml": SETTINGS + given + f"delivery: {{{delivery}}}\n"})


def many(shop: Shop, count: int) -> None:
    planned(shop, *(f"c{n:02}" for n in range(count)))


def account(shop: Shop) -> Account:
    with shop.store.read() as conn:
        (found,) = accounts.accounts(conn)
    return found


def in_state(shop: Shop, state: str) -> int:
    return list(by_customer(shop, "state").values()).count(state)


class Outage:
    """A provider that fails for an hour, in one way; meanwhile other workers deliver as well, `beside` of them."""

    def __init__(self, shop: Shop, clock: SetClock, error: Exception, takes: timedelta, beside: int) -> None:
        self.shop, self.clock, self.error, self.takes, self.beside = shop, clock, error, takes, beside

    def __call__(self, mails: Sequence[Mail]) -> Answer:
        if self.beside:
            self.beside -= 1
            self.shop.deliver()
        self.clock.ahead += self.takes
        raise self.error


FAILURES: dict[str, tuple[Exception, timedelta]] = {
    "503": (RuntimeError("503"), timedelta(milliseconds=50)),
    "time-out": (TimeoutError(), timedelta(minutes=4)),
    "reset": (ConnectionResetError(), timedelta(seconds=1)),
}


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("failure", FAILURES)
def test_an_hour_without_answers_puts_a_request_a_connection_into_doubt_and_a_touch_a_probe(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, failure: str, connections: int
) -> None:
    configure(shop, f", connections: {connections}", "batch: 10")
    many(shop, 40)
    clock, began = clock_of(shop), 0
    outage = Outage(shop, clock, *FAILURES[failure], beside=connections + 2)
    channel = use(Told(outage, per_request=EACH), monkeypatch)
    while clock.ahead < HOUR:
        shop.deliver()
        clock.ahead += MINUTE
        began += 1
    probes = len(channel.requests) - connections
    assert began > 10
    assert in_state(shop, "in_doubt") == len(channel.mails) == connections * EACH + probes
    assert 3 < probes <= HOUR / LONGEST_PROBE + 6
    assert account(shop).probes == probes
    assert sums_hold(shop)


def test_when_a_probe_is_accepted_everything_goes_again_and_nothing_twice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(shop, 12)
    clock = clock_of(shop)
    broken = use(Told(fail_with(TimeoutError()), per_request=EACH), monkeypatch)
    shop.deliver()
    assert len(broken.requests) > 1
    well = use(Told(accept, per_request=EACH), monkeypatch)
    clock.ahead += LONGEST_PROBE
    shop.deliver()
    assert account(shop).broken_since is None
    assert len(well.addresses) == 12 - len(broken.mails)
    assert not set(well.addresses) & set(broken.addresses)


def test_an_answer_to_what_left_before_the_trouble_does_not_end_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(shop, delivery="batch: 1")
    many(shop, 3)
    clock = clock_of(shop)

    def slow(mails: Sequence[Mail]) -> Answer:
        clock.ahead += timedelta(seconds=1)
        monkeypatch.setattr("outreach.delivery.SECONDS_AT_ONCE", -1.0)  # the other stops after one batch
        use(Told(fail_with(TimeoutError())), monkeypatch)
        shop.deliver()
        return accept(mails)

    use(Told(slow), monkeypatch)
    shop.deliver()
    assert (in_state(shop, "sent"), in_state(shop, "in_doubt")) == (1, 1)
    assert account(shop).broken_since is not None


def test_while_it_is_open_nobody_has_work_and_what_is_claimed_goes_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crm_store.journeys.tick import due_work

    many(shop, 2 * EACH)
    clock = clock_of(shop)
    monkeypatch.setattr("outreach.delivery.SECONDS_AT_ONCE", 1.0)
    use(Told(fail_with(TimeoutError()), per_request=EACH), monkeypatch)
    shop.deliver()
    assert (in_state(shop, "in_doubt"), in_state(shop, "due")) == (EACH, EACH)
    assert due_work(shop.store, NOON) == []
    clock.ahead += FIRST_PROBE
    assert [work.campaign for work in due_work(shop.store, NOON)] == ["c"]


def test_a_rate_lets_a_second_s_worth_go_at_once_and_then_so_many_a_second(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(shop, ", rate: 4/s")
    many(shop, 14)
    clock = clock_of(shop)
    channel = use(Told(accept), monkeypatch)
    shop.deliver()
    assert len(channel.mails) == 14
    assert [len(channel.requests), round(sum(clock.slept), 1)] == [4, 3.0]


def test_a_slower_rate_than_one_a_second_holds_as_well(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(shop, ", rate: 30/min")
    many(shop, 4)
    clock = clock_of(shop)
    use(Told(accept), monkeypatch)
    shop.deliver()
    assert (in_state(shop, "sent"), round(sum(clock.slept))) == (4, 6)


def test_two_workers_share_one_rate(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(shop, ", rate: 3/s")
    many(shop, 9)
    clock, beside = clock_of(shop), [True]

    def other(mails: Sequence[Mail]) -> Answer:
        if beside:
            beside.pop()
            shop.deliver()
        return accept(mails)

    use(Told(other), monkeypatch)
    shop.deliver()
    assert (in_state(shop, "sent"), round(sum(clock.slept), 1)) == (9, 2.0)


@pytest.mark.parametrize("span", [HOUR, -HOUR])
def test_a_clock_that_jumps_neither_fills_the_bucket_nor_blocks_for_good(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, span: timedelta
) -> None:
    configure(shop, ", rate: 4/s")
    many(shop, 12)
    clock = clock_of(shop)

    def jumping(mails: Sequence[Mail]) -> Answer:
        clock.jump(span)
        return accept(mails)

    channel = use(Told(jumping), monkeypatch)
    shop.deliver()
    assert len(channel.mails) == len(set(channel.addresses)) == 12
    assert max(channel.requests.count(one) for one in channel.requests) == 1


def blocked_once(wait: timedelta) -> Callable[[Sequence[Mail]], Answer]:
    left = [NotAccepted("429", wait=wait)]

    def answer(mails: Sequence[Mail]) -> Answer:
        if left:
            raise left.pop()
        return accept(mails)

    return answer


def test_a_provider_that_says_wait_is_left_alone_for_so_long_by_everybody(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(shop, 2 * EACH)
    clock = clock_of(shop)
    channel = use(Told(blocked_once(10 * MINUTE), per_request=EACH), monkeypatch)
    shop.deliver()
    assert (len(channel.requests), in_state(shop, "due")) == (1, 2 * EACH)
    clock.ahead += 9 * MINUTE
    shop.deliver()
    assert len(channel.requests) == 1
    clock.ahead += 2 * MINUTE
    shop.deliver()
    assert in_state(shop, "sent") == 2 * EACH


def test_a_short_wait_is_waited_for_with_nothing_in_hand(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    many(shop, 2 * EACH)
    clock = clock_of(shop)
    seen: list[int] = []
    monkeypatch.setattr(clock, "sleep", _looking(shop, clock, seen))
    use(Told(blocked_once(timedelta(seconds=7)), per_request=EACH), monkeypatch)
    shop.deliver()
    assert seen == [0]
    assert in_state(shop, "sent") == EACH  # the refused ones wait a minute


def _looking(shop: Shop, clock: SetClock, seen: list[int]) -> Callable[[float], None]:
    def sleep(seconds: float) -> None:
        seen.append(in_state(shop, "claimed"))
        SetClock.sleep(clock, seconds)

    return sleep


def test_however_often_it_says_wait_no_mail_is_given_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    many(shop, 1)
    clock = clock_of(shop)
    use(Told(fail_with(NotAccepted("429", wait=MINUTE))), monkeypatch)
    for _ in range(8):
        shop.deliver()
        clock.ahead += 2 * MINUTE
    assert set(by_customer(shop, "state").values()) == {"due"}


def picky(*bad: str) -> Callable[[Sequence[Mail]], Answer]:
    """Refuses a request whole if one of these is among its mails."""

    def answer(mails: Sequence[Mail]) -> Answer:
        if any(mail.to_address.startswith(bad) for mail in mails):
            raise NotAccepted("bad_request", divide=True)
        return accept(mails)

    return answer


def test_a_refused_batch_is_halved_down_to_the_bad_one_which_fails_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(shop, 16)
    channel = use(Told(picky("c05"), per_request=16), monkeypatch)
    shop.deliver()
    states = by_customer(shop, "state", "reason", "attempt")
    assert states.pop("c05") == ("failed", "bad_request", 1)
    assert set(states.values()) == {("sent", None, 1)}
    assert len(channel.requests) == 1 + 2 * 4
    assert sums_hold(shop)


def test_halving_stops_at_twenty_refusals_a_minute_and_goes_on_in_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(shop, 40)
    clock = clock_of(shop)
    channel = use(Told(picky("c"), per_request=40), monkeypatch)
    monkeypatch.setattr("outreach.delivery.SECONDS_AT_ONCE", 1.0)
    shop.deliver()
    assert len(channel.requests) == accounts.REFUSALS
    assert in_state(shop, "failed") + in_state(shop, "due") == 40
    shop.deliver()
    assert len(channel.requests) == accounts.REFUSALS
    clock.ahead += 2 * MINUTE
    shop.deliver()
    assert len(channel.requests) == 2 * accounts.REFUSALS


def test_the_place_of_a_worker_that_is_gone_is_free_when_its_lease_is(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(shop, ", connections: 1")
    many(shop, 1)
    clock = clock_of(shop)

    def occupy() -> None:
        shop.store.write(accounts.ensure_account, "email")
        shop.store.write(accounts.hold, "email", "gone", clock.instant() + timedelta(seconds=20))

    occupy()
    channel = use(Told(accept), monkeypatch)
    shop.deliver()
    assert len(channel.mails) == 1
    assert 20 <= sum(clock.slept) <= 22
