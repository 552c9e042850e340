"""Batches: mails share what they can, some are compared with plain Jinja, and one bad row hurts one row."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from outreach.rendering.environment import RENDER_ERRORS, MissingValue
from outreach.rendering.renderer import COMPARED, WORTH_IT, Renderer
from outreach.rendering.said import PLAIN, Part, Said, Shell
from outreach.rendering.splitting.program import Program
from tests.outreach.rendering.mails import mail
from tests.outreach.rendering.splitting.same import words
from tests.outreach.rendering.splitting.test_program import LONG, full

BODY = f"<p>{LONG} {{{{ customer.first_name }}}} {LONG}</p>{{% if customer.vip %}}<b>vip</b>{{% endif %}}<p>{LONG}</p>"


def batch(count: int, **others: Any) -> list[dict[str, Any]]:
    return [full({"first_name": f"Name {number}", "vip": number == 7}, **others) for number in range(count)]


def said(renderer: Renderer, values: list[dict[str, Any]]) -> list[Said]:
    made = renderer.said_of(values)
    assert all(isinstance(one, Said) for one in made)
    return [one for one in made if isinstance(one, Said)]


def test_mails_of_a_batch_share_one_shell_and_are_what_plain_jinja_makes() -> None:
    template, values = mail(BODY), batch(WORTH_IT)
    made = said(Renderer(template), values)
    assert len({one.shell for one in made}) == 1
    assert made[0].shell is not PLAIN
    assert [words(one) for one in made] == [words(template.render(one)) for one in values]


def test_a_few_mails_are_rendered_one_by_one_unless_the_splitting_is_done() -> None:
    renderer = Renderer(mail(BODY))
    assert {one.shell for one in said(renderer, batch(WORTH_IT - 1))} == {PLAIN}
    (shell,) = {one.shell for one in said(renderer, batch(WORTH_IT))}
    assert {one.shell for one in said(renderer, batch(1))} == {shell}


def test_each_locale_and_campaign_has_a_shell_of_its_own() -> None:
    values = [*batch(WORTH_IT), *batch(WORTH_IT, locale="en_GB"), *batch(WORTH_IT, campaign={"title": "Other"})]
    made = said(Renderer(mail(BODY + "{{ 2.5 | money }} {{ campaign.title }}")), values)
    assert len({one.shell for one in made}) == 3
    assert [words(made[number]) for number in (0, 25, 45)] == [
        words(mail(BODY + "{{ 2.5 | money }} {{ campaign.title }}").render(values[number])) for number in (0, 25, 45)
    ]


def test_one_bad_row_hurts_one_row_and_says_what_is_wrong_as_plain_jinja_does() -> None:
    values = batch(WORTH_IT)
    values[3]["customer"]["first_name"] = None
    made = Renderer(mail(BODY)).said_of(values)
    assert isinstance(made[3], MissingValue)
    assert "'customer.first_name' has no value here" in str(made[3])
    assert sum(isinstance(one, Said) for one in made) == WORTH_IT - 1


def test_a_row_with_odd_values_is_rendered_by_itself() -> None:
    values = batch(WORTH_IT)
    values[3]["customer"]["first_name"] = "a\r\nb"
    made = said(Renderer(mail(BODY)), values)
    assert [one.shell is PLAIN for one in made] == [number == 3 for number in range(WORTH_IT)]
    assert "a\nb" in made[3].html


def test_a_mail_that_nobody_can_split_is_rendered_one_by_one() -> None:
    made = said(Renderer(mail(BODY + "{% for x in [1] recursive %}{{ x }}{% endfor %}")), batch(WORTH_IT))
    assert {one.shell for one in made} == {PLAIN}


def test_a_template_that_takes_too_long_fails_its_rows_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outreach.rendering.environment.MAX_CHARACTERS", 10_000)
    monkeypatch.setattr("outreach.rendering.splitting.program.MAX_CHARACTERS", 10_000)
    values = batch(WORTH_IT)
    values[3]["customer"]["tags"] = ["x" * 100] * 200
    made = Renderer(mail(BODY + "{% for tag in customer.tags %}{{ tag }}{% endfor %}")).said_of(values)
    assert [isinstance(one, RENDER_ERRORS) for one in made] == [number == 3 for number in range(WORTH_IT)]


@pytest.fixture
def lying(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Programs that give another mail from the n-th on; put n into the list."""
    made: list[int] = []
    after: list[int] = []
    honest = Program.said

    def lie(program: Program, values: Mapping[str, Any]) -> Said:
        made.append(1)
        good = honest(program, values)
        return replace(good, holes=("secret", *good.holes[1:])) if after and len(made) > after[0] else good

    monkeypatch.setattr(Program, "said", lie)
    return after


@pytest.mark.parametrize("after", [0, COMPARED])
def test_a_difference_makes_all_mails_plain_for_good_and_is_told_without_values(
    lying: list[int], after: int, caplog: pytest.LogCaptureFixture
) -> None:
    lying.append(after)
    template, values = mail(BODY), batch(COMPARED + 1)
    renderer = Renderer(template)
    with caplog.at_level(logging.INFO):
        made = said(renderer, values)
    assert [words(one) for one in made] == [words(template.render(one)) for one in values]
    assert (renderer.different, {one.shell for one in said(renderer, values)}) == (1, {PLAIN})
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (
        "ERROR",
        "template hello: a mail differs from plain Jinja; all are rendered so now",
    )


def test_the_first_mail_of_every_pattern_of_empty_holes_is_compared(lying: list[int]) -> None:
    lying.append(7)  # the eighth is the first that is a vip's
    renderer = Renderer(mail(BODY))
    assert {one.shell for one in said(renderer, batch(8 + WORTH_IT)[:8] + batch(WORTH_IT)[8:])} == {PLAIN}
    assert renderer.different == 1


def test_the_first_mail_of_each_shell_in_a_batch_is_compared_each_time(lying: list[int]) -> None:
    renderer, values = Renderer(mail(BODY)), [*batch(WORTH_IT), *batch(WORTH_IT, locale="en_GB")]
    said(renderer, values)
    lying.append(2 * WORTH_IT + WORTH_IT)  # from the first of the second shell in the second batch on
    said(renderer, values)
    assert renderer.different == 1


def test_a_shell_is_the_same_when_it_comes_back_from_the_store() -> None:
    shell = Shell(Part(("a", "b"), (0,)), Part(("",), ()), Part(("", "é\n"), (1,)))
    again = Shell.unpacked(shell.packed())
    assert (again.subject, again.text, again.html, again.hash) == (shell.subject, shell.text, shell.html, shell.hash)
    assert shell.hash != PLAIN.hash
