"""Is there a test that fails when a key is ignored? A plugin of pytest that asks it of every key: `bin/test-keys`.

All tests run once, and each is asked which keys its files and calls give. Then, for every key, a process of its own is
forked in which the readers ignore it, and the tests that give it run, the likely and short ones first, until one fails.
A key without which files are refused is ignored otherwise: all its values are read as the first one was.
"""

from __future__ import annotations

import gc
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import _lru_cache_wrapper, partial
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

from crm_store.journeys import following, published
from tests.keys.ignoring import WATCH, Key, change_readers

_SHOW = re.compile(r"tests/(content|console|insight)/|test_(jsonschema|docs|words|explaining|hints)\.py")
_REFUSED = "refused"
_FEW, _MANY = 3, 10  # tests
_STRIDE = 50  # one test of so many runs before the fork
Items = Mapping[str, pytest.Item]
# No two tests can tell these apart, each for its reason.
EXCUSED = {
    "'enter' of a nurture campaign: by_hand": "it can only be true",
    "'pause': purpose": "it can only be marketing",
}


@dataclass(frozen=True)
class Seen:
    """A test that passes: which keys it gives, and whether it is about faults of files."""

    name: str
    seconds: float  # of the processor
    faulty: bool
    given: frozenset[Key]

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """What a key does comes before what is shown of it, and that before what is refused of it; then the shortest."""
        return self.faulty, bool(_SHOW.search(self.name)), self.seconds


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--keys", default="", help="prove only keys that match this")
    parser.addoption("--keys-seen", type=Path, help="keep in this file what tests give, and look only at others")


def pytest_configure() -> None:
    change_readers()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """All keys, in place of all tests."""
    config, items = session.config, {item.nodeid: item for item in session.items}
    say = partial(config.get_terminal_writer().line, flush=True)
    folder: Path = config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # one for all that are forked
    kept = config.getoption("--keys-seen") or folder / "seen.jsonl"
    _look(session.items, kept)
    tests, declared = _read(kept)
    _warm_up([one for one in tests if one.name in items and "[sqlite" in one.name][::_STRIDE], items)
    keys = sorted(key for key in declared if re.search(config.getoption("--keys"), str(key)))
    for key in keys:
        giving = sorted((one for one in tests if key in one.given and one.name in items), key=lambda one: one.rank)
        proof = _proof(key, giving, items)
        unproved = not proof and str(key) not in EXCUSED
        session.testsfailed += unproved
        why = proof or EXCUSED.get(str(key)) or f"none of {len(giving)} tests fails"
        say(f"{'! ' if unproved else '  '}{key}  <-  {why}")
    say(f"{len(keys)} keys, {session.testsfailed} of them unproved")
    return True


def _warm_up(tests: Sequence[Seen], items: Items) -> None:
    """Run some tests here, so that what is forked need not translate every statement anew; of content nothing is kept."""
    for one in tests:
        item = items[one.name]
        runtestprotocol(item, log=False, nextitem=item.session)  # type: ignore[arg-type]  # its fixtures stay
    for kept in gc.get_objects():
        if isinstance(kept, _lru_cache_wrapper):
            kept.cache_clear()
    for read in (published._read_before, published._made_before, following._read_before):
        read.clear()
    if failing := _forked(lambda: _first_failure(tests, items)):
        raise pytest.UsageError(f"{failing} fails though nothing is ignored")


def _differing(key: Key, giving: Sequence[Seen]) -> list[Seen]:
    """Of those that give the key the same value as others do, a few only."""
    alike: Counter[frozenset[str]] = Counter()
    found = []
    for one in giving:
        values = frozenset(given.word for given in one.given if (given.place, given.name) == (key.place, key.name))
        alike[values] += 1
        if values == {""} or alike[values] <= _FEW:
            found.append(one)
    return found


def _proof(key: Key, giving: Sequence[Seen], items: Items) -> str:
    """A test that fails when the key is ignored, and how it was; one that is not about faults, if there is any."""
    for faulty, about in ((False, ""), (True, " (which is about faults)")):
        proof = _failing(key, [one for one in giving if one.faulty == faulty], items)
        if proof:
            return proof + about
    return ""


def _failing(key: Key, tests: Sequence[Seen], items: Items) -> str:
    proof = _forked(lambda: _first_failure(tests, items, ignored=key))
    if proof != _REFUSED:
        return proof
    proof = _forked(lambda: _first_failure(_differing(key, tests), items, stuck=key))
    return proof and f"{proof} (all are read as the first)"


def _first_failure(tests: Sequence[Seen], items: Items, **how: Key) -> str:
    """The first test that fails without the key, other than because it must stand there."""
    vars(WATCH).update(how)
    found, refused = "", 0
    for item, after in _in_turn([items[one.name] for one in tests]):
        WATCH.refused = False
        WATCH.robbed.clear()
        if not _passes(item, after):
            found = _REFUSED if WATCH.refused else item.nodeid
            refused += WATCH.refused
            if not WATCH.refused or refused == _MANY:
                break
    for one in tests[:1]:
        items[one.name].session._setupstate.teardown_exact(None)  # what fixtures have started ends with the process
    return found


def _look(items: Sequence[pytest.Item], kept: Path) -> None:
    """Run all that are not kept yet once, and keep what each gives."""
    known = {one.name for one in _read(kept)[0]} if kept.exists() else set()
    left = [item for item in items if item.nodeid not in known]
    with kept.open("a", encoding="utf-8") as file:
        _forked(lambda: "".join(_seen(item, after, file.write, file.flush) for item, after in _in_turn(left)))


def _seen(item: pytest.Item, after: pytest.Item | None, write: Callable[[str], int], flush: Callable[[], None]) -> str:
    WATCH.given.clear()
    WATCH.faulty = False
    begin = time.process_time()
    given = WATCH.given if _passes(item, after) else ()
    one = {"name": item.nodeid, "seconds": time.process_time() - begin, "faulty": WATCH.faulty, "given": _plain(given)}
    write(json.dumps({**one, "declared": _plain(WATCH.declared)}) + "\n")
    flush()
    WATCH.declared.clear()
    return ""


def _plain(keys: Iterable[Key]) -> list[tuple[str, str, str]]:
    return sorted((key.place, key.name, key.word) for key in keys)


def _read(kept: Path) -> tuple[list[Seen], set[Key]]:
    """The tests, and the keys that readers ask for."""
    lines = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    tests = [
        Seen(one["name"], one["seconds"], one["faulty"], frozenset(Key(*key) for key in one["given"])) for one in lines
    ]
    return tests, {Key(*key) for one in lines for key in one["declared"]}


def _in_turn(items: Sequence[pytest.Item]) -> Iterable[tuple[pytest.Item, pytest.Item | None]]:
    """Each with the one after it, which keeps the fixtures that both use."""
    return zip(items, [*items[1:], None], strict=True)


def _passes(item: pytest.Item, after: pytest.Item | None) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=after))


def _forked(work: Callable[[], str]) -> str:
    """What the work says, done by a process of its own: whatever it changes goes with it."""
    read, write = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os.close(read)
        try:
            with os.fdopen(write, "w", encoding="utf-8") as told:
                told.write(work())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as told:
        said = told.read()
    os.waitpid(child, 0)
    return said
