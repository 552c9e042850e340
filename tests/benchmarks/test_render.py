"""The benchmark of rendering measures what it says: the same mails on both sides, and requests that fill in to them."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks import render
from benchmarks.render import PER_REQUEST, Mails, promo, requests, values
from outreach.rendering.renderer import WORTH_IT


def test_requests_filled_in_are_the_mails_of_plain_jinja() -> None:
    mails = Mails(promo(), [values(number) for number in range(WORTH_IT)])
    (body,) = (json.loads(request) for request in requests(mails.said(), mails.batch))
    for one, personal in zip(mails.batch, body["personalizations"], strict=True):
        made = mails.template.render(one)
        for text, words in ((body["subject"], made.subject), *zip(contents(body), (made.text, made.html), strict=True)):
            filled = text
            for tag, hole in personal["substitutions"].items():
                filled = filled.replace(tag, hole)
            assert filled == words


def contents(body: dict[str, list[dict[str, str]]]) -> list[str]:
    return [part["value"] for part in body["content"]]


def test_it_prints_one_object(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["render", "--size", str(WORTH_IT), "--json"])
    render.main()
    said = json.loads(capsys.readouterr().out)
    assert set(said["against"]) == {"plain_jinja", "plain_jinja_expanded"}
    assert (said["name"], said["size"], said["holes"] >= 24, said["html_bytes"] > 19_000) == ("render", "20", True, True)
    assert WORTH_IT <= PER_REQUEST
