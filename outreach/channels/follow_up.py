"""follow_up: not a mail but a task for a person, who writes, calls or visits; the mail's words are the task's note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import ClassVar

from crm_store.content.fields import Fields, sure, text
from crm_store.content.nodes import Node
from crm_store.content.settings import read_elapsed
from crm_store.content.vocabulary import Vocabulary, look_up
from crm_store.ledger.dispatch import Answer, Refusal
from crm_store.ledger.follow_ups import Task, add_tasks, touches_with_tasks
from crm_store.store import Store
from outreach.channels.base import Channel, Mail, NotAccepted, Outfit, Proof, in_time

SETTLED = Refusal("lease", permanent=False, gives_up=False)


@dataclass(frozen=True)
class Options:
    """What rapport.yaml says of the tasks. `kind`: one of the vocabulary's `follow_ups`; `within`: by when they are due."""

    kind: str
    assignee: str | None = None
    within: timedelta | None = None


def configured(fields: Fields, outfit: Outfit) -> FollowUps:
    """Raises Incomplete with the faults of its keys collected."""
    kind, assignee = fields.need("kind", partial(_kind, outfit.vocabulary)), fields.maybe("assignee", text)
    within = fields.maybe("within", read_elapsed)
    fields.close()
    return FollowUps(Options(sure(kind), assignee, within), outfit.store)


def _kind(vocabulary: Vocabulary | None, node: Node) -> str:
    return look_up(node, vocabulary.follow_ups, "follow-up").name if vocabulary else text(node)


class FollowUps(Channel):
    """Writes into the store, where a touch has one task at most."""

    provider: ClassVar = "follow_up"
    per_request = 500

    def __init__(self, options: Options, store: Store | None) -> None:
        self.options = options
        self._store = store

    @property
    def store(self) -> Store:
        if self._store is None:
            raise NotAccepted("no_store")
        return self._store

    def send(self, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
        in_time(deadline)
        if not mails:
            return Answer()
        now = mails[0].date
        tasks = [(mail.touch_id, self._task(mail)) for mail in mails]
        written = self.store.write(add_tasks, request_id, tasks, now)
        refused = {mail.touch_id: SETTLED for mail in mails if mail.touch_id not in written}
        return Answer({mail.touch_id: mail.message_id for mail in mails if mail.touch_id in written}, refused)

    def _task(self, mail: Mail) -> Task:
        due_at = mail.date + self.options.within if self.options.within else None
        return Task(self.options.kind, self.options.assignee, f"{mail.subject}\n\n{mail.text}", due_at)

    def look_up(self, request_id: str, message_ids: Mapping[int, str]) -> Proof:
        """The store knows. One that is written after all is found when the touch goes again, and stays the only one."""
        with self.store.read() as conn:
            written = touches_with_tasks(conn, message_ids)
        accepted = {touch_id: message_ids[touch_id] for touch_id in written}
        return Proof(accepted, frozenset(message_ids.keys() - written))
