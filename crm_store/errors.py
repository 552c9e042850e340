"""The errors a person can mend. `str()` of each is what the command line prints: `<thing> <what is wrong>; <what to do>`.

RapportError            anything a person can mend
├── UsageError          a command was called wrongly, or with a name or number of
│                       what is not there                               (exit code 2)
├── StoreError          the store can't be opened or used as it is      (exit code 1)
└── ContentError        faults in the workspace's files, all at once    (exit code 1)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from crm_store.content.faults import Fault


class RapportError(Exception):
    """Something a person can mend; the text says how."""

    exit_code: ClassVar[int] = 1


class UsageError(RapportError):
    """A command or an argument that can't mean anything here."""

    exit_code: ClassVar[int] = 2


def no_customer(key: str) -> UsageError:
    """That nobody has the key. An erased customer's is nobody's."""
    return UsageError(f"customer '{key}' is not in the store; keys are the company's own, as its files say them")


class StoreError(RapportError):
    """The store can't be opened, or holds something this program does not know."""


class ContentError(RapportError):
    """Every fault found in the workspace's files, in the order of files and lines; `more` is a last line about the rest."""

    def __init__(self, faults: Sequence[Fault], more: str = "") -> None:
        self.faults = tuple(sorted(set(faults), key=lambda fault: (fault.place, fault.what)))
        self.more = more
        super().__init__("\n".join([*map(str, self.faults), *([more] if more else [])]))

    def __reduce__(self) -> tuple[type[ContentError], tuple[Sequence[Fault], str]]:
        """Another process may have found them."""
        return type(self), (self.faults, self.more)
