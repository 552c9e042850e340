"""`guard`: how many recipients a run is expected to have. One outside of that is held until a person lets it go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from crm_store.content.faults import Fault, Faults
from crm_store.content.fields import Fields, items, sure, text
from crm_store.content.nodes import Node

USUAL_RUNS = 10  # the last ones, by which the next one is expected
FEWEST_RUNS = 3  # of fewer nobody can tell
NEVER_HELD = 100  # recipients
TIMES = 3  # their median


@dataclass(frozen=True)
class Guard:
    """How many recipients a run may have, both ends included. `because`: where that comes from."""

    least: int
    most: int
    because: str = "its guard"

    def bars(self, recipients: int) -> str | None:
        """Why a run of so many is held; None: it may go."""
        if self.least <= recipients <= self.most:
            return None
        between = f"{self.least:,} to {self.most:,}" if self.least else f"up to {self.most:,}"
        who = "1 recipient" if recipients == 1 else f"{recipients:,} recipients"
        return f"{who}, {self.because} expects {between}"


def usual_guard(last: Sequence[int], what: str = "runs") -> Guard | None:
    """Where the file says nothing: at most three times the median of the last runs (the newest first), and never less
    than 100. None: there are too few to tell."""
    if len(last) < FEWEST_RUNS:
        return None
    newest = last[:USUAL_RUNS]
    because = f"the usual guard ({TIMES} times the median of the last {len(newest)} {what})"
    return Guard(0, max(NEVER_HELD, int(median(newest) * TIMES)), because)


def read_guard(node: Node, faults: Faults) -> Guard:
    """`{recipients: {between: [100, 5000]}}`."""
    fields = Fields(node, faults, "'guard'")
    ends = fields.need("recipients", lambda node: _between(node, faults))
    fields.close()
    return Guard(*sure(ends))


def _between(node: Node, faults: Faults) -> tuple[int, int]:
    fields = Fields(node, faults, "'recipients'")
    ends = fields.need("between", _ends)
    fields.close()
    return sure(ends)


def _ends(node: Node) -> tuple[int, int]:
    ends = [_count(one) for one in items(node)]
    if len(ends) != 2 or ends[0] > ends[1]:
        raise Fault(node.place, "'between' takes two numbers, the smaller first, e.g. [100, 5000]")
    return ends[0], ends[1]


def _count(node: Node) -> int:
    word = text(node)
    if not word.isdecimal() or len(word) > 9:
        raise Fault(node.place, f"'{word}' must be a whole number of recipients, 0 or more")
    return int(word)
