"""From what a part prints to its pieces and holes, so that what is done to a whole mail can be done to each alone.

Line ends, blank lines and the white space around a mail are put in order after rendering (rendering/mail.py). Where one
of these rules would reach across the border of a hole, the border is moved: the hole takes in what the rule needs to see.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jinja2 import nodes

from outreach.rendering.splitting.running import as_statements
from outreach.rendering.splitting.scopes import Item
from outreach.rendering.splitting.simplifying import IsStable

MOST_HOLES = 90  # of a mail; SendGrid replaces a hundred tags a recipient
SHORT = 24  # a tag takes some twenty characters: shorter pieces are cheaper inside a hole
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass
class Cut:
    """A part in pieces: `pieces[0]`, the statements of the first hole, `pieces[1]`, ... `after`: those that print nothing
    behind the last one."""

    pieces: list[str]
    holes: list[list[nodes.Node]]
    after: list[nodes.Node]

    def shortest(self) -> int:
        """How much is between those two holes that have least between them; many characters if there are no two."""
        return min(map(len, self.pieces[1:-1]), default=sys.maxsize)

    def merge_shortest(self) -> None:
        """Make one of the two holes that have least between them."""
        at = min(range(1, len(self.holes)), key=lambda number: len(self.pieces[number]))
        self.holes[at - 1] += [*as_statements([self.pieces.pop(at)]), *self.holes.pop(at)]

    def merge_short(self) -> None:
        while self.shortest() < SHORT:
            self.merge_shortest()

    def numbered(self, is_stable: IsStable) -> tuple[list[list[nodes.Node]], list[int]]:
        """The different holes, and of each hole which of them it is. Those at the ends, which may be trimmed, are alone."""
        different, known, numbers = list[list[nodes.Node]](), dict[str, int](), list[int]()
        for at, hole in enumerate(self.holes):
            alone = at in (0, len(self.holes) - 1) or not all(
                isinstance(one, nodes.Output) and is_stable(one) for one in hole
            )
            name = f"{at}" if alone else repr(joined(hole))
            if name not in known:
                known[name] = len(different)
                different.append(hole)
            numbers.append(known[name])
        return different, numbers

    def take_left(self, number: int, count: int) -> None:
        """Move so many characters from the piece before a hole into it."""
        if count:
            kept, moved = self.pieces[number][:-count], self.pieces[number][-count:]
            self.pieces[number] = kept
            self.holes[number][:0] = as_statements([moved])

    def take_right(self, number: int, count: int) -> None:
        """Move so many characters from the piece behind a hole into it."""
        if count:
            moved, kept = self.pieces[number + 1][:count], self.pieces[number + 1][count:]
            self.pieces[number + 1] = kept
            self.holes[number] += as_statements([moved])


def cut(items: Sequence[Item]) -> Cut:
    pieces, holes, waiting = [""], list[list[nodes.Node]](), list[nodes.Node]()
    for item in items:
        if isinstance(item, str):
            pieces[-1] += item
        elif is_silent(item):
            waiting.append(item)
        else:
            holes.append([*waiting, item])
            pieces.append("")
            waiting = []
    return Cut(pieces, holes, waiting)


def is_silent(node: nodes.Node) -> bool:
    """Whether a statement can print nothing."""
    if isinstance(node, nodes.If | nodes.For | nodes.ScopedEvalContextModifier):
        return all(is_silent(child) for child in node.iter_child_nodes() if isinstance(child, nodes.Stmt))
    return isinstance(node, nodes.Assign | nodes.AssignBlock)


def joined(statements: Sequence[nodes.Node]) -> list[nodes.Node]:
    """The same with one statement for all that is printed in a row, which is faster."""
    made: list[nodes.Node] = []
    for statement in statements:
        if isinstance(statement, nodes.Output) and made and isinstance(made[-1], nodes.Output):
            made[-1] = nodes.Output([*made[-1].nodes, *statement.nodes])
        else:
            made.append(statement)
    return made


def one_line(items: Sequence[Item]) -> Cut:
    """A subject: white space is one blank wherever it comes from, so it is one hole if there is any."""
    if all(isinstance(item, str) for item in items):
        return Cut([" ".join("".join(map(str, items)).split())], [], [])
    return Cut(["", ""], [as_statements(items)], [])


def html(items: Sequence[Item]) -> Cut:
    made = cut(items)
    made.merge_short()
    _end(made)
    return made


def text(items: Sequence[Item]) -> Cut:
    made = cut(items)
    for number in range(len(made.holes)):  # a hole has all line ends around it: blank lines are counted inside
        made.take_left(number, _count(made.pieces[number], str.rstrip))
        made.take_right(number, _count(made.pieces[number + 1], str.lstrip))
    made.merge_short()
    _begin(made)
    _end(made)
    made.pieces = [_BLANK_LINES.sub("\n\n", piece) for piece in made.pieces]
    return made


def _count(piece: str, strip: Callable[[str, str], str]) -> int:
    return len(piece) - len(strip(piece, "\n"))


def _begin(made: Cut) -> None:
    """A text begins with its first line: if that may be a hole's, the hole gets a character that is there."""
    made.pieces[0] = made.pieces[0].lstrip("\n")
    if made.holes and not made.pieces[0]:
        made.take_right(0, min(1, len(made.pieces[1].rstrip())))


def _end(made: Cut) -> None:
    """A part ends with one line end: if what is before it may be a hole's, the hole gets a character that is there."""
    last = made.pieces[-1].rstrip()
    if made.holes and not last:
        before = made.pieces[-2]
        made.take_left(len(made.holes) - 1, len(before) - len(before.rstrip()) + 1 if before.strip() else 0)
    made.pieces[-1] = f"{last}\n"


def limit(cuts: Sequence[Cut], is_stable: IsStable) -> None:
    """Make holes one, those first that have least between them, until there are not too many."""
    while (over := sum(len(one.numbered(is_stable)[0]) for one in cuts) - MOST_HOLES) > 0:
        for _ in range(over):
            min(cuts, key=Cut.shortest).merge_shortest()
