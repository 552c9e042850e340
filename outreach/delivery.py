"""Draining the ledger: claim, render, dispatch, send, settle - batch by batch until nothing is due."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial, reduce
from pathlib import Path
from threading import Event, Lock

from crm_store import definitions
from crm_store.consent.keys import link_keys
from crm_store.content.settings import Settings
from crm_store.content.sources import Sources
from crm_store.content.workspace import Workspace, load_workspace
from crm_store.ledger.accounts import count_refusal, let_go
from crm_store.ledger.claim import Claim, Worker, claim, do_tasks, due_groups, waiting
from crm_store.ledger.dispatch import AccountHeld, Answer, LeaseLost, Refusal, Request, dispatch, divide, fail, give_back
from crm_store.ledger.epoch import number
from crm_store.ledger.judging import Group
from crm_store.ledger.kept import forget_mails
from crm_store.ledger.material import of_touches
from crm_store.ledger.runs import take_copies
from crm_store.ledger.settling import settle
from crm_store.store import Store
from outreach.beside import Beside, Drained, Job
from outreach.channels import channel_for
from outreach.channels.base import TOO_LATE, Channel, ChannelStopped, Mail, NotAccepted, doubt
from outreach.links import Signer
from outreach.offers.codes import new_codes
from outreach.recovery import recover
from outreach.rendering.context import Saying
from outreach.rendering.mail import MailTemplate
from outreach.rendering.renderer import Renderer
from outreach.seeds import try_copies
from outreach.writing import keep_shells, write_mails

BATCHES_AT_ONCE = 50
SECONDS_AT_ONCE = 60.0
LANES = 3  # of a process: while one waits for an answer others render
LANE_WORTH = 2_000  # due touches: fewer are not worth another lane
PROCESS_WORTH = 10_000  # due touches: a process takes a second to start
MOST_PROCESSES = 4
MOST_COUNTED = MOST_PROCESSES * PROCESS_WORTH
FORGOTTEN_AT_ONCE = 1_000
_BUSY_WAIT = 0.02
HOLD = 0.9  # of its lease a claim may be used up to here: what it sends must be answered before the lease is gone
REFUSED_TOO_OFTEN = timedelta(minutes=1)


# What a channel's name stands for: settings, the workspace's root and the store are what it may use.
WaysOut = Callable[[str, Settings, Path, Store], Channel]


def drain(
    store: Store, workspace: Workspace, now: datetime, campaign: str | None = None, ways_out: WaysOut | None = None
) -> Drained:
    """Settle what others have left behind, then send what is due as of `now`, of one campaign or all, for up to a minute
    or 50 batches a lane. Raises ChannelStopped when a channel takes nothing: what was to leave by it is due as before."""
    with store.read() as conn:
        store.assert_newest(number(conn))
        signer = Signer(workspace.settings.public_url, link_keys(conn))
    _forget(store, now - workspace.settings.delivery.keep_mails)
    recovered = recover(store, workspace, signer, campaign)
    with store.read() as conn:
        groups = due_groups(conn, now, campaign)
        due = sum(waiting(conn, group, now, MOST_COUNTED) for group in groups)
    lanes = _lanes(workspace, due)
    stop = Event()
    beside = [Beside(job, stop) for job in _jobs(store, workspace, now, groups, due)]
    ours = _lanes_of(store, workspace, now, signer, stop, lanes, ways_out or channel_for)
    found = _all_at_once([*(partial(lane.run, groups) for lane in ours), *(one.run for one in beside)], stop)
    return Drained(sent=recovered.sent, in_doubt=recovered.in_doubt).plus(found)


def drain_beside(store: Store, job: Job, stop: Event) -> Drained:
    """What `drain` does in another process, beside the one that was asked to: lanes alone."""
    workspace = load_workspace(Path(job.root))
    with store.read() as conn:
        signer = Signer(workspace.settings.public_url, link_keys(conn))
    lanes = _lanes_of(store, workspace, job.now, signer, stop, job.lanes, channel_for)
    return _all_at_once([partial(lane.run, job.groups) for lane in lanes], stop)


def _lanes_of(
    store: Store, workspace: Workspace, now: datetime, signer: Signer, stop: Event, count: int, ways_out: WaysOut
) -> list[_Lane]:
    turn = Lock()
    return [_Lane(store, workspace, now, signer, stop, turn, ways_out) for _ in range(count)]


def _forget(store: Store, before: datetime) -> None:
    """Words of mails that nobody may see any more."""
    while store.write(forget_mails, before, FORGOTTEN_AT_ONCE) == FORGOTTEN_AT_ONCE:
        continue


def _lanes(workspace: Workspace, due: int) -> int:
    """How many lanes of a process so many touches are worth; no more than an account takes requests at once."""
    most = max((limits.connections for limits in workspace.settings.limits.values()), default=1)
    return max(1, min(LANES, due // LANE_WORTH, most))


def processes(due: int) -> int:
    """How many processes so many touches are worth, this one among them: one for each core we may use."""
    return max(1, min(len(os.sched_getaffinity(0)), MOST_PROCESSES, due // PROCESS_WORTH))


def _jobs(store: Store, workspace: Workspace, now: datetime, groups: Sequence[Group], due: int) -> list[Job]:
    """What other processes are to do: rendering takes longer than all else, and a process renders by one core."""
    if store.shared is None:
        return []
    job = Job(store.shared, str(workspace.root), now, tuple(groups), _lanes(workspace, due))
    return [job] * (processes(due) - 1)


def _all_at_once(works: Sequence[Callable[[], Drained]], stop: Event) -> Drained:
    """Each in a thread; the first of their errors is raised when all have ended."""
    if len(works) == 1:
        return works[0]()
    with ThreadPoolExecutor(len(works)) as pool:
        running = [pool.submit(work) for work in works]
        try:
            wait(running)
        finally:
            stop.set()
    found = [one.result() for one in running]
    return replace(reduce(Drained.plus, found), more=any(one.more for one in found))


class _Lane:
    """Batches one after the other, by a worker of its own: its limits and what it has done so far. Several of them have
    several requests under way. `stop`: they all end after the batch they are at. `turn`: whoever does anything but wait has
    it. Threads that render would only slow the one that has the store locked."""

    def __init__(
        self,
        store: Store,
        workspace: Workspace,
        now: datetime,
        signer: Signer,
        stop: Event,
        turn: Lock,
        ways_out: WaysOut,
    ) -> None:
        self.store = store
        self.workspace = workspace
        self.now = now
        self.clock = store.clock
        self.until = self.clock.monotonic() + SECONDS_AT_ONCE
        self.batches = 0
        self.done = Drained()
        self.worker = Worker(secrets.token_hex(8), workspace.settings.limits)
        self.signer = signer
        self.stop = stop
        self.turn = turn
        self.ways_out = ways_out
        self.channels: dict[tuple[int, str], Channel] = {}
        self.shells: set[str] = set()

    def run(self, groups: Sequence[Group]) -> Drained:
        with self.turn:
            try:
                return self._groups(groups)
            except BaseException:
                self.stop.set()
                raise
            finally:
                self.store.write(let_go, self.worker.name)
                for channel in self.channels.values():
                    channel.drained()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Others work meanwhile."""
        self.turn.release()
        try:
            yield
        finally:
            self.turn.acquire()

    def _groups(self, groups: Sequence[Group]) -> Drained:
        for group in groups:
            while self._batch(group):
                if self.batches >= BATCHES_AT_ONCE or self.clock.monotonic() > self.until or self.stop.is_set():
                    return replace(self.done, more=True)
        return self.done

    def _batch(self, group: Group) -> bool:
        """Deliver one batch of the group. Returns whether to look for another."""
        size = self.workspace.settings.delivery.batch
        if group.is_task:
            return self._tasks(group, size)
        since = self.clock.monotonic()  # before the claim, so that our lease is over before the store's
        claimed = self.store.write(claim, self.worker, group, self.now, size, new_codes())
        self.batches += 1
        self.done = self.done.plus(Drained.judging(claimed.judged, claimed.written_off))
        if claimed.wait or claimed.busy:
            return self._wait(claimed.wait.total_seconds() or _BUSY_WAIT)
        if claimed.touch_ids:
            self._deliver_or_give_back(claimed, since + HOLD * claimed.version.settings.delivery.lease.total_seconds())
        return claimed.judged > 0

    def _tasks(self, group: Group, size: int) -> bool:
        """Tasks for people are settled by being written."""
        done = self.store.write(do_tasks, group, self.now, size)
        self.batches += 1
        judged = Drained.judging(done.judged, done.written_off)
        self.done = self.done.plus(replace(judged, sent=done.written, failed=done.failed))
        return self._wait(_BUSY_WAIT) if done.busy else done.judged > 0

    def _deliver_or_give_back(self, claimed: Claim, deadline: float) -> None:
        done = False
        try:
            done = self._deliver(claimed, deadline)
        finally:
            if not done:
                self.store.write(give_back, claimed)

    def _wait(self, seconds: float) -> bool:
        """Wait with nothing in hand. False if that would take longer than a drain may."""
        if seconds > SECONDS_AT_ONCE:
            return False
        with self.waiting():
            self.clock.sleep(min(seconds, max(0.0, self.until - self.clock.monotonic()) + _BUSY_WAIT))
        return True

    def _deliver(self, claimed: Claim, deadline: float) -> bool:
        """Render and send. False: some of it has not left."""
        with self.store.read() as conn:
            materials = of_touches(conn, claimed.touch_ids)
        template = load_template(self.store, claimed.template_id)
        saying = Saying(claimed.version, claimed.step, self.signer)
        written = write_mails(saying, materials, template, self.now)
        keep_shells(self.store, written.mails, self.shells)
        if written.broken:
            self.store.write(fail, claimed, written.broken, "template")
            self.done = self.done.plus(Drained(failed=len(written.broken)))
        channel = self._channel(claimed)
        self._copy(claimed, channel, template.mail, deadline)
        for called in channel.divided(written.mails):
            if not _Call(self, claimed, channel, deadline).send(called, written.kept):
                return False
        return True

    def _copy(self, claimed: Claim, channel: Channel, template: MailTemplate, deadline: float) -> None:
        """A broadcast's first mail of a run goes to the company's own people too, once: before, so that a kill sends none
        twice."""
        version, seeds = claimed.version, claimed.version.settings.seeds
        if version.campaign.kind != "broadcast" or not seeds:
            return
        if self.store.write(take_copies, claimed.touch_ids, self.now):
            with self.waiting():
                try_copies(channel, version, claimed.step, template, self.now, deadline)

    def _channel(self, claimed: Claim) -> Channel:
        """By the newest settings: in an outage another provider helps what waits, too."""
        key = claimed.newest.id, claimed.channel
        if key not in self.channels:
            settings, root = claimed.newest.settings, self.workspace.root
            self.channels[key] = self.ways_out(claimed.channel, settings, root, self.store)
        return self.channels[key]

    def count(self, answer: Answer) -> None:
        failed = sum(refusal.permanent for refusal in answer.refused.values())
        self.done = self.done.plus(Drained(sent=len(answer.accepted), in_doubt=len(answer.doubtful), failed=failed))


@dataclass(frozen=True)
class _Call:
    """One call of a provider with mails that were claimed, all over before `deadline` (monotonic seconds)."""

    lane: _Lane
    claimed: Claim
    channel: Channel
    deadline: float

    def send(self, called: Sequence[Mail], packed: Mapping[int, bytes]) -> bool:
        """Send the mails in one request; in halves of it if it is refused for a bad mail. False: nothing more may leave."""
        waiting = [called]
        while waiting:
            mails = waiting.pop()
            named = self._named(mails, packed)
            try:
                answer = self._answer(named, mails)
            except (LeaseLost, AccountHeld):
                self.channel.settled(named.id)
                return False
            if answer is None:  # refused whole, for a mail that is somewhere in it
                middle = len(mails) // 2
                waiting += [mails[middle:], mails[:middle]]
            elif not self._settle(named, answer):
                return False
        return True

    def _named(self, mails: Sequence[Mail], packed: Mapping[int, bytes]) -> Request:
        values = {mail.touch_id: packed[mail.touch_id] for mail in mails}
        return Request(secrets.token_hex(16), self.claimed.channel, self.channel.provider, _body_hash(mails), values)

    def _answer(self, named: Request, mails: Sequence[Mail]) -> Answer | None:
        """Name the request, send it. What a provider raises that is no NotAccepted leaves all its mails in doubt.

        None: it must be divided. Raises LeaseLost or AccountHeld if it was not sent.
        """
        store, no = self.lane.store, _announce(self.channel, named)
        store.remember(store.write(dispatch, self.claimed, named))
        if no is not None:
            return _none_accepted(no, named.packed)
        try:
            if store.clock.monotonic() >= self.deadline:
                raise NotAccepted(TOO_LATE)
            with self.lane.waiting():
                return self.channel.send(named.id, mails, self.deadline)
        except NotAccepted as refused:
            return self._divided(refused, named) if refused.divide else _none_accepted(refused, named.packed)
        except Exception as error:
            return Answer(doubtful=dict.fromkeys(named.packed, doubt(error)))

    def _divided(self, refused: NotAccepted, named: Request) -> Answer | None:
        if len(named.packed) == 1:
            (touch_id,) = named.packed
            wait = None if self.lane.store.write(count_refusal, named.channel) else REFUSED_TOO_OFTEN
            return Answer(refused={touch_id: Refusal(str(refused), permanent=True)}, wait=wait)
        if self.lane.store.write(divide, named.id, str(refused)):
            self.channel.settled(named.id)
            return None
        return Answer(refused=dict.fromkeys(named.packed, Refusal(str(refused), permanent=False)), wait=REFUSED_TOO_OFTEN)

    def _settle(self, named: Request, answer: Answer) -> bool:
        """Write down what came of it. False: the account takes nothing more for now."""
        self.lane.store.write_surely(self.deadline, settle, named.id, answer, self.lane.now)
        self.channel.settled(named.id)
        self.lane.count(answer)
        if answer.stopped:
            raise ChannelStopped(answer.stopped)
        return answer.wait is None and not answer.doubtful


def _announce(channel: Channel, named: Request) -> NotAccepted | None:
    """What a channel says that will not have the request."""
    try:
        channel.announce(named.id)
    except NotAccepted as no:
        return no
    return None


def _none_accepted(no: NotAccepted, touch_ids: Iterable[int]) -> Answer:
    """A whole request that is refused is no fault of its mails if the account is: then it never ends them."""
    refusal = Refusal(str(no), permanent=False, gives_up=no.stopped is None and no.wait is None and str(no) != TOO_LATE)
    return Answer(refused=dict.fromkeys(touch_ids, refusal), stopped=no.stopped, wait=no.wait)


def _body_hash(mails: Sequence[Mail]) -> str:
    digest = hashlib.sha256()
    for mail in mails:
        digest.update("\x00".join((mail.to_address, mail.said.shell.hash, *mail.said.holes)).encode())
    return digest.hexdigest()[:32]


_loaded: dict[str, Renderer] = {}


def load_template(store: Store, template_id: int) -> Renderer:
    """What renders a published template. Definitions never change: one loading serves the process."""
    with store.read() as conn:
        key = definitions.hash_of(conn, template_id)
        if key not in _loaded:
            found = definitions.load(conn, template_id)
            _loaded[key] = Renderer(MailTemplate(found.name, Sources(found.files)))
    return _loaded[key]
