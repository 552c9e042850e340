"""Whatever a template does, its holes give what plain Jinja gives, byte for byte, or it is refused."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any, cast

import pytest
from jinja2 import Environment

from crm_store.content.faults import Fault
from outreach.rendering.splitting.program import split
from outreach.rendering.splitting.scopes import NotSplit
from tests.conftest import CASES
from tests.outreach.rendering.splitting.random_mails import mail, values
from tests.outreach.rendering.splitting.same import filled, plain

SLICES = 10  # which processes share
MAILS = CASES * 100  # templates in `make test`: 5,000
MANY_MAILS = CASES * 1000  # in `make test-long`: 50,000
CUSTOMERS = 3


def tried(seeds: range) -> Counter[str]:
    """What became of random templates and their mails. Fails with the seed of the first that differs."""
    counted: Counter[str] = Counter()
    for seed in seeds:
        random = Random(seed)
        try:
            template = mail(random)
        except Fault:
            counted["no Jinja"] += 1
            continue
        batch = [values(random) for _ in range(CUSTOMERS)]
        try:
            program = split(template, batch[0])
        except NotSplit:
            counted["refused"] += 1
            continue
        counted["split"] += 1
        for one in batch:
            given = filled(program, one)
            assert given is None or given == plain(template, one), f"seed {seed}"
            counted["by themselves" if given is None else "the same"] += 1
    return counted


def said(counted: Counter[str], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(
            f"\nrandom mails: {', '.join(f'{count} {what}' for what, count in sorted(counted.items()))}, 0 wrong\n"
        )


@pytest.mark.parametrize("part", range(SLICES))
def test_random_mails_are_what_plain_jinja_makes_of_them(part: int, capsys: pytest.CaptureFixture[str]) -> None:
    each = MAILS // SLICES
    counted = tried(range(part * each, (part + 1) * each))
    said(counted, capsys)
    assert counted["split"] > each * 0.7
    assert counted["the same"] > counted["split"]


def test_what_was_parsed_once_is_changed_by_nobody() -> None:
    for seed in range(12):
        random = Random(seed)
        template = mail(random)
        with suppress(NotSplit):
            split(template, values(random))
        for env, _ in template.parts:
            anew = Environment(trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=env.keep_trailing_newline)
            for text in cast(Any, env.loader).sources.values():
                assert repr(env.parse(text)) == repr(anew.parse(text)), f"seed {seed}"


@pytest.mark.long
@pytest.mark.parametrize("part", range(SLICES))
def test_many_more_random_mails_are_too(part: int, capsys: pytest.CaptureFixture[str]) -> None:
    each = MANY_MAILS // SLICES
    said(tried(range(1_000_000 + part * each, 1_000_000 + (part + 1) * each)), capsys)
