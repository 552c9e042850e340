"""A shop in which things happen in any order: what people do, what becomes of records and files, who is killed at work."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import update

from crm_store.consent.keys import link_keys
from crm_store.intake.customers import Customers
from crm_store.intake.events import Events
from crm_store.intake.records import read_customer, read_event
from crm_store.ledger.accounts import mend
from crm_store.ledger.dispatch import Answer
from crm_store.schema import customer
from crm_store.store import open_store
from outreach import delivery, recovery
from outreach.channels.base import Mail
from outreach.links import Signer
from tests.chaos.matrix import forked, pass_leases
from tests.chaos.points import Points
from tests.copies import copy_of, shop_on
from tests.journeys.agreeing import change, filled, publish, request, simulated, suppressed
from tests.journeys.files import sums_hold
from tests.journeys.random_journeys import DAY, HOUR, Journeys, changed, corrections, person
from tests.journeys.simulator import Simulator
from tests.journeys.simulator_facts import Happening, Person
from tests.ledger.channels import Told, accept
from tests.world import Shop

numbers = st.integers(0, 10**6)  # of a customer, of a campaign: as many as there are, again and again
NOON = datetime.fromisoformat("2026-06-15T12:00:00+00:00")
KINDS = ("order", "cart_updated", "cart_updated", "signed_up")


class Noting(Told):
    """Takes two mails at once, and writes down which before it answers: of those nobody may come again."""

    def __init__(self, file: Path) -> None:
        super().__init__(self._note, per_request=2)
        self._file = file

    def _note(self, mails: Sequence[Mail]) -> Answer:
        with self._file.open("a") as file:
            file.write("".join(f"{mail.touch_id}\n" for mail in mails))
        return accept(mails)

    def noted(self) -> Counter[str]:
        return Counter(self._file.read_text().split() if self._file.exists() else ())


class Shopping(RuleBasedStateMachine):
    """One shop on a copy of an empty store; `url` and `root` are set by the test. Whoever inherits it begins with `open`,
    and says what flows do there and what must hold."""

    url: str
    root: Path

    def open(self, given: Journeys) -> None:
        self.now, self.given, self.count = given.begin + 2 * DAY, given, len(given.events)
        self.simulator: Simulator = simulated(given)
        self.left_behind = False
        self.stack = ExitStack()
        shutil.rmtree(self.root, ignore_errors=True)
        self.copy = self.stack.enter_context(copy_of(self.url))
        self.shop = Shop.open(self.root, self.stack.enter_context(shop_on(self.copy, self.root)).store)
        self.channel = Noting(self.root / "noted")
        filled(self.shop, given)

    # What happens to people

    @rule(hours=st.sampled_from([1, 5, 13, 26, 100]))
    def time_passes(self, hours: int) -> None:
        self.now += hours * HOUR

    @rule(
        deeds=st.lists(
            st.tuples(numbers, st.sampled_from(KINDS), st.integers(-2, 4), st.booleans()), min_size=8, max_size=12
        )
    )
    def people_do_things(self, deeds: list[tuple[int, str, int, bool]]) -> None:
        records = []
        for of, kind, ago, cart in deeds:
            properties = {"properties": {"cart_id": "a"}} if cart and kind != "signed_up" else {}
            self.count, who = self.count + 1, self.whom(of)
            at = self.now - ago * HOUR
            raw = {"customer": who.key, "event": kind, "at": at.isoformat(), "id": str(self.count), **properties}
            who.happenings.append(Happening.of(raw))
            records.append(read_event(raw, self.shop.rules))
        self.shop.store.write(Events().write, records, "test", self.now)

    @rule(raw=person("new", NOON))
    def somebody_comes(self, raw: Mapping[str, Any]) -> None:
        key = f"n{len(self.simulator.people)}"
        raw = {**raw, "key": key, "email": raw["email"] and f"{key}@example.com"}
        self.simulator.people.append(Person(raw, []))
        known = {name: value for name, value in raw.items() if value is not None}
        self.shop.store.write(Customers().write, [read_customer(known, self.shop.rules)], "test", self.now)

    @rule(of=numbers, key=st.sampled_from("xy"))
    def somebody_is_asked_for(self, of: int, key: str) -> None:
        for name in self.given.campaigns:
            if not self.whom(of).erased:
                request(self.shop, self.simulator, name, key, self.whom(of).key, self.now)

    @rule(of=numbers, topic=st.sampled_from(["offers", "news"]), state=st.sampled_from(["withdrawn", "withdrawn", "given"]))
    def somebody_opts(self, of: int, topic: str, state: str) -> None:
        said = {"channel": "email", "topic": topic, "state": state, "at": self.now.isoformat(), "basis": "consent"}
        self._change(of, {"consents": [*self.whom(of).raw["consents"], said]})

    @rule(of=numbers, data=st.data(), what=st.sampled_from(["birthday", "joined_on", "zone"]))
    def a_record_is_corrected(self, of: int, data: st.DataObject, what: str) -> None:
        self._change(of, data.draw(corrections(self.given.begin + 2 * DAY)[what]))

    @rule(of=numbers, erased=st.booleans())
    def somebody_is_lost(self, of: int, erased: bool) -> None:
        """Her address bounces, or she wants to be forgotten; of many people few."""
        who = self.whom(of)
        if of % 3 == 0 and erased and not who.erased:
            who.erased = True
            of_key = update(customer).where(customer.c.key == who.key)
            self.shop.store.write(lambda conn: conn.execute(of_key.values(erased_at=self.now)).rowcount)
        elif of % 3 == 0 and who.suppressed_at is None:
            who.suppressed_at = self.now
            suppressed(self.shop, who.key, self.now)

    @rule(of=numbers, data=st.data(), status=st.sampled_from(["live"] * 6 + ["paused", "ended"]))
    def a_file_is_changed(self, of: int, data: st.DataObject, status: str) -> None:
        """Whatever it says, but for who enters."""
        name = sorted(self.given.campaigns)[of % len(self.given.campaigns)]
        before = self.simulator.campaigns[name]
        if before.status == "ended":
            return
        said = data.draw(self.another_file(dict(before.said)))
        publish(self.shop, self.simulator, name, {**said, "status": status}, self.now)

    def another_file(self, said: Mapping[str, Any]) -> st.SearchStrategy[Mapping[str, Any]]:
        return changed(self.given.begin + 2 * DAY, dict(said))

    def whom(self, of: int) -> Person:
        return self.simulator.people[of % len(self.simulator.people)]

    def _change(self, of: int, fields: Mapping[str, Any]) -> None:
        who = self.whom(of)
        if not who.erased:
            change(self.shop, self.simulator, who.key, fields, self.now)

    # Processes that die

    def killed(self, at: int, work: Callable[[Shop], object]) -> None:
        """Do it in another process, which may be killed at that point on its way."""

        def live() -> None:
            points, shop = Points(at), Shop(self.root, open_store(self.copy, Path("/")))
            points.watch(shop.store.engine)
            with self.channel_told():
                work(shop)
            points.watching = False

        _, status = os.waitpid(forked(live), 0)
        assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL

    def settle_what_was_left(self) -> None:
        """The leases of a killed process pass, and what it left behind is settled."""
        if not self.left_behind:
            return
        self.left_behind = False
        with self.shop.store.read() as conn:
            signer = Signer(self.shop.workspace.settings.public_url, link_keys(conn))
        self.shop.store.write(pass_leases)
        with self.channel_told():
            recovery.recover(self.shop.store, self.shop.workspace, signer)
        self.shop.store.write(mend)

    @contextmanager
    def channel_told(self) -> Iterator[None]:
        def chosen(*_: object) -> Noting:
            return self.channel

        with patch.object(delivery, "channel_for", chosen), patch.object(recovery, "channel_for", chosen):
            yield

    # What must hold, whoever looks

    @invariant()
    def no_mail_leaves_twice(self) -> None:
        assert max(self.channel.noted().values(), default=0) <= 1

    @invariant()
    def the_sum_law_holds(self) -> None:
        assert sums_hold(self.shop)

    def end_campaigns(self, **keys: str) -> None:
        """Nobody enters any more. `keys`: what else the files then say."""
        for name, campaign in self.simulator.campaigns.items():
            publish(self.shop, self.simulator, name, {**campaign.said, "status": "ended", **keys}, self.now)


def play(machine: type[Shopping], url: str, root: Path, cases: int, steps: int) -> None:
    """So many shops on copies of that store, each with so many deeds."""
    placed = type(machine.__name__, (machine,), {"url": url, "root": root / "shop"})
    run_state_machine_as_test(placed, settings=settings(max_examples=cases, stateful_step_count=steps))
