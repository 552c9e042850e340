"""What runs is what was published: by hash of everything a thing is made of, with who published it and when."""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from crm_store.errors import ContentError
from crm_store.schema import campaign, definition, published
from crm_store.store import rehearse
from outreach.publishing import apply, provenance, read
from tests.world import NOON, SETTINGS, VOCABULARY, Shop

LAYOUT = "<html><body>{% block content %}{% endblock %}{% include 'parts/foot.html.j2' %}</body></html>"
BODY = "{% extends 'layouts/base.html.j2' %}{% block content %}<p>Hi</p>{% endblock %}"
WELCOME = """\
kind: nurture
status: live
topic: offers
enter: {event: order}
audience: {segment: loyal}
steps: [{send: hello}]
"""
PLAIN = "kind: nurture\ntopic: news\nenter: {event: signed_up}\nsteps: [{send: again}]\n"
EVERYTHING = ["segment loyal", "segment other", "segment regulars"], ["campaign plain", "campaign welcome"]


def fill(shop: Shop) -> Shop:
    """A mail with a layout and a part, a segment of a segment, a campaign with and one without a segment."""
    shop.write({"templates/layouts/base.html.j2": LAYOUT, "templates/parts/foot.html.j2": "bye"})
    shop.write({"templates/hello/body.html.j2": BODY})
    shop.segment("regulars", "event: order")
    shop.segment("loyal", "segment: regulars")
    shop.segment("other", "attribute: country\nis: DE")
    shop.campaign("welcome", WELCOME)
    shop.campaign("plain", PLAIN)
    return shop


@pytest.fixture
def shop(shop: Shop) -> Shop:
    return fill(shop)


def rows(shop: Shop, *columns: Any) -> list[tuple[Any, ...]]:
    with shop.store.read() as conn:
        chosen = select(*columns).join(published, published.c.definition_id == definition.c.id)
        return [tuple(row) for row in conn.execute(chosen.order_by(definition.c.kind, definition.c.name))]


def count(shop: Shop, table: Any) -> int:
    with shop.store.read() as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def test_at_first_everything_is_published(shop: Shop) -> None:
    templates = ["template again", "template gift", "template hello"]
    assert sorted(shop.publish()) == sorted([*EVERYTHING[0], *EVERYTHING[1], *templates])
    assert count(shop, published) == count(shop, definition) == 8


def test_a_second_time_nothing_is(shop: Shop) -> None:
    shop.publish()
    before = rows(shop, definition.c.id, definition.c.hash, definition.c.published_at)
    assert shop.publish(NOON + timedelta(days=1)) == []
    assert rows(shop, definition.c.id, definition.c.hash, definition.c.published_at) == before


CHANGES = {
    "templates/layouts/base.html.j2": (LAYOUT + "\n<!-- new -->", ["template hello"]),
    "templates/parts/foot.html.j2": ("good bye", ["template hello"]),
    "templates/again/subject.j2": ("Again!", ["template again"]),
    "templates/again/body.txt.j2": ("Again!", ["template again"]),
    "templates/parts/unused.html.j2": ("new", []),
    "segments/regulars.yaml": ("who: {event: order, in_last: 30 days}", ["campaign welcome", *EVERYTHING[0][::2]]),
    "segments/loyal.yaml": ("who: {all: [{segment: regulars}]}", ["campaign welcome", "segment loyal"]),
    "segments/other.yaml": ("who: {event: order}", ["segment other"]),
    "config/campaigns/plain.yaml": (PLAIN + "title: Plain\n", ["campaign plain"]),
    "config/rapport.yaml": (SETTINGS.replace("1 Road", "2 Road"), [*EVERYTHING[0], *EVERYTHING[1]]),
    "config/vocabulary.yaml": (VOCABULARY + "stages: [identified]\n", [*EVERYTHING[0], *EVERYTHING[1]]),
}


@pytest.mark.parametrize("path", CHANGES)
def test_a_change_publishes_exactly_what_it_is_part_of(shop: Shop, path: str) -> None:
    shop.publish()
    text, changed = CHANGES[path]
    shop.write({path: text})
    assert sorted(shop.publish()) == sorted(changed)


def test_content_that_comes_back_is_the_old_definition(shop: Shop) -> None:
    shop.publish()
    before = rows(shop, definition.c.id, definition.c.hash)
    for text in ("Again!", "Hello {{ customer.first_name or 'you' }}"):
        shop.write({"templates/again/subject.j2": text})
        assert shop.publish() == ["template again"]
    assert rows(shop, definition.c.id, definition.c.hash) == before
    assert count(shop, definition) == 9


def test_a_definition_keeps_the_texts_of_its_whole_closure(shop: Shop) -> None:
    shop.publish()
    files = {row[0]: sorted(row[1]) for row in rows(shop, definition.c.name, definition.c.files)}
    assert files["hello"] == [
        "templates/hello/body.html.j2",
        "templates/hello/subject.j2",
        "templates/layouts/base.html.j2",
        "templates/parts/foot.html.j2",
    ]
    basics = ["config/rapport.yaml", "config/vocabulary.yaml"]
    assert files["welcome"] == [
        "config/campaigns/welcome.yaml", *basics, "segments/loyal.yaml", "segments/regulars.yaml"
    ]  # fmt: skip
    assert files["other"] == [*basics, "segments/other.yaml"]


def test_the_renderers_version_is_part_of_a_templates_hash_only(shop: Shop) -> None:
    shop.publish()
    assert {row for row in rows(shop, definition.c.kind, definition.c.renderer)} == {
        ("campaign", ""),
        ("segment", ""),
        ("template", "1"),
    }


def test_a_rehearsal_says_what_would_be_published_and_leaves_nothing(shop: Shop) -> None:
    with rehearse(shop.store) as rehearsal:
        assert len(apply(rehearsal, shop.check(), NOON)) == 8
        assert apply(rehearsal, shop.check(), NOON) == []
    assert count(shop, definition) == count(shop, published) == count(shop, campaign) == 0


def test_a_workspace_with_faults_publishes_nothing(shop: Shop) -> None:
    shop.write({"templates/hello/subject.j2": "{{ custmer }}"})
    with pytest.raises(ContentError):
        shop.publish()
    assert count(shop, definition) == 0


def test_a_campaigns_standing_is_published_with_it(shop: Shop) -> None:
    shop.publish()
    shop.publish(NOON + timedelta(days=1))
    with shop.store.read() as conn:
        chosen = select(campaign.c.name, campaign.c.kind, campaign.c.status, campaign.c.live_since)
        found = [tuple(row) for row in conn.execute(chosen.order_by(campaign.c.name))]
    assert found == [("plain", "nurture", "draft", None), ("welcome", "nurture", "live", NOON)]


def test_reading_looks_at_no_templates(shop: Shop) -> None:
    shop.write({"templates/hello/subject.j2": "{% if %}"})
    assert list(read(shop.workspace).campaigns) == ["plain", "welcome"]


def test_reading_finds_every_fault_of_segments_and_campaigns(shop: Shop) -> None:
    shop.segment("other", "event: ordr")
    shop.campaign("plain", PLAIN.replace("news", "nws"))
    with pytest.raises(ContentError) as raised:
        read(shop.workspace)
    assert [fault.place.file for fault in raised.value.faults] == ["config/campaigns/plain.yaml", "segments/other.yaml"]


def git(shop: Shop, *words: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *words], cwd=shop.root, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def in_git(plain_shop: Shop) -> Shop:
    fill(plain_shop)
    git(plain_shop, "init", "-q")
    git(plain_shop, "config", "user.name", "Mia Marketer")
    git(plain_shop, "config", "user.email", "mia@example.com")
    git(plain_shop, "add", ".")
    git(plain_shop, "commit", "-q", "-m", "first")
    return plain_shop


def test_outside_git_there_is_no_commit_and_no_author(shop: Shop) -> None:
    shop.publish()
    assert set(rows(shop, definition.c.git_commit, definition.c.author, definition.c.published_at)) == {(None, None, NOON)}


def test_in_git_the_commit_and_the_author_are_kept(in_git: Shop) -> None:
    in_git.publish()
    commit = git(in_git, "rev-parse", "HEAD")
    assert set(rows(in_git, definition.c.git_commit, definition.c.author)) == {(commit, "Mia Marketer")}


@pytest.mark.parametrize(
    "path", ["templates/again/subject.j2", "segments/new.yaml", "config/campaigns/plain.yaml", "config/rapport.yaml"]
)
def test_changes_since_the_commit_are_marked(in_git: Shop, path: str) -> None:
    found = in_git.root / path
    in_git.write({path: (found.read_text() if found.exists() else "who: {event: order}") + "\n"})
    assert provenance(in_git.root, NOON).git_commit == git(in_git, "rev-parse", "HEAD") + "+"


def test_files_that_are_no_content_are_no_change(in_git: Shop) -> None:
    in_git.write({"notes.txt": "x", "rapport.db": "x"})
    assert provenance(in_git.root, NOON).git_commit == git(in_git, "rev-parse", "HEAD")


def test_a_folder_in_git_whose_content_is_not_kept_there_has_no_commit(plain_shop: Shop) -> None:
    git(plain_shop, "init", "-q")
    assert provenance(plain_shop.root, NOON).git_commit is None


def test_a_repository_without_a_commit_has_an_author_only(plain_shop: Shop) -> None:
    git(plain_shop, "init", "-q")
    git(plain_shop, "config", "user.name", "Mia Marketer")
    git(plain_shop, "add", ".")
    found = provenance(plain_shop.root, NOON)
    assert (found.git_commit, found.author) == (None, "Mia Marketer")


def test_a_workspace_may_be_a_folder_of_a_repository(in_git: Shop) -> None:
    inner = Shop(in_git.root / "inner", in_git.store)
    inner.write({"config/rapport.yaml": SETTINGS})
    git(in_git, "add", ".")
    git(in_git, "commit", "-q", "-m", "second")
    in_git.write({"templates/again/subject.j2": "dirty, but not the inner one"})
    assert provenance(inner.root, NOON).git_commit == git(in_git, "rev-parse", "HEAD")


def test_another_repository_that_a_hook_names_is_not_asked(in_git: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert provenance(in_git.root, NOON).git_commit is not None
