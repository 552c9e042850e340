"""Every key of a segment file does something: each test fails when its key is ignored. (`who`: tests/segmentation.)"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.content.checking import SEGMENT, checked, shop_with, tried

WHO = "who: {event: order}\n"


def shown(root: Path, text: str) -> dict[str, Any]:
    """What `rapport segment show` says of such a file."""
    shop = shop_with(root, {SEGMENT: text})
    words = ["-m", "console.cli.app", "--workspace", str(shop.root), "segment", "show", "x", "--json"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_title_question_and_owner_are_shown(tmp_path: Path) -> None:
    said = shown(tmp_path, f"title: NO\nquestion: 'Who buys?'\nowner: 007\n{WHO}examples: [{{member: false}}]\n")
    assert (said["title"], said["question"], said["owner"], said["examples"]) == ("NO", "Who buys?", "007", 1)
    assert said["says"] == "Customers for whom there are 'order' events."


def test_a_segment_without_a_title_is_called_as_its_file(tmp_path: Path) -> None:
    segment = checked(tmp_path, {SEGMENT: WHO}).segments["x"]
    assert (segment.title, segment.question, segment.owner, segment.examples) == ("x", None, None, ())


def test_examples_are_tried(tmp_path: Path) -> None:
    assert tried(tmp_path, {SEGMENT: f"{WHO}examples: [{{member: true}}]\n"}) == [
        f"{SEGMENT}:2: example of segment x: the customer is not a member, but should be"
    ]


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        ("attribute: country, is: NO", "the country is 'NO'"),
        ("attribute: country, in: [DE, FR]", "the country is 'DE' or 'FR'"),
        ("attribute: points, between: [1, 2.50]", "the points is between 1 and 2.50"),
        ("attribute: city, is_set: false", "the city is not set"),
        ("attribute: since, in_last: 1 week", "the since is in the last 1 week"),
        ("attribute: since, between: [2026-01-01, 3 days ago]", "the since is between 2026-01-01 and 3 days ago"),
        ("attribute: birthday, anniversary: {in_next: 7 days}", "the birthday comes round in the next 7 days"),
        ("attribute: birthday, anniversary: {during: today, years: [1, 5]}", "the birthday comes round (years 1, 5) today"),
        ("event: order, in_last: 30 days, count: {at_least: 2}",
         "the number of 'order' events in the last 30 days is at least 2"),
        ("event: [order, signed_up], during: last month", "there are 'order' or 'signed up' events last month"),
        ("event: order, where: {store: {is: x}}, sum: {of: amount, more_than: 5 EUR}",
         "the sum of the amounts of 'order' events whose store is 'x' is more than 5 EUR"),
        ("event: order, items: {product: {is: p}, quantity: {is: 2}}",
         "there are 'order' events with an item whose product is 'p' and quantity is 2"),
        ("event: order, last: {before: 30 days ago}", "the last of 'order' events was before 30 days ago"),
        ("not: {event: order}", "it is not so that there are 'order' events"),
        ("all: [{event: order}, {any: [{event: order}, {attribute: vip, is: yes}]}]",
         "(there are 'order' events and (there are 'order' events or the vip is yes))"),
        ("reachable: {channel: email, topic: news}", "they can be reached by email about News"),
    ],
)  # fmt: skip
def test_who_is_said_in_english(tmp_path: Path, who: str, sentence: str) -> None:
    segment = checked(tmp_path, {SEGMENT: f"who: {{{who}}}\n"}).segments["x"]
    assert segment.sentence() == f"Customers for whom {sentence}."
