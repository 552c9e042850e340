"""Whatever can be added - a condition, a step, a provider - is listed once, explained, documented and tested."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from console import words
from console.kinds import BEGIN, END, kinds_in_markdown
from crm_store.intake.importing import INTAKES
from crm_store.journeys import triggers
from crm_store.journeys.steps import VERBS
from crm_store.journeys.triggers import TRIGGERS
from crm_store.ledger.gates import GATES
from crm_store.segmentation import conditions
from crm_store.segmentation.comparisons import WORDS
from crm_store.segmentation.times import WINDOW_WORDS
from outreach.channels import PROVIDERS
from outreach.rendering.environment import FILTERS
from tests.console.cli.command import leaves
from tests.console.cli.test_help import parsed

ROOT = Path(__file__).parent.parent
SEGMENTS, CAMPAIGNS, IMPORT, CHANNELS = (f"docs/{name}.md" for name in ("segments", "campaigns", "import", "channels"))


@dataclass(frozen=True)
class Registry:
    """Names with what each says of itself, the page that must name them, and how a test of one looks."""

    help: Mapping[str, str]
    page: str
    tested: str = r"\b{}:"


def _explained(things: Iterable[Any], name: Callable[[Any], str]) -> dict[str, str]:
    listed = [(name(one), str(one.help)) for one in things]
    assert len(dict(listed)) == len(listed), "listed twice"
    return dict(listed)


REGISTRIES = {
    "conditions": Registry(_explained(conditions.KINDS, lambda kind: kind.kind), SEGMENTS),
    "comparisons": Registry({word.name: word.said for word in WORDS}, SEGMENTS),
    "windows": Registry({word: word for word in WINDOW_WORDS}, SEGMENTS),
    "triggers": Registry(_explained(TRIGGERS, lambda trigger: trigger.word), CAMPAIGNS),
    "kinds of campaigns": Registry({kind: kind for kind in triggers.KINDS}, CAMPAIGNS, r"kind(: |=\"){}"),
    "steps": Registry(_explained(VERBS, lambda verb: verb.verb), CAMPAIGNS),
    "gates": Registry({gate.name: gate.reason for gate in GATES}, CAMPAIGNS, r"\b{}\b"),
    "intakes": Registry(_explained(INTAKES, lambda intake: intake.name), IMPORT, r"import\W+{}"),
    "providers": Registry(PROVIDERS, CHANNELS, r'"{}"'),
    "filters": Registry({name: one.__doc__ or "" for name, one in FILTERS.items()}, CAMPAIGNS, r"\| {}"),
}
NAMES = [(title, name) for title, registry in REGISTRIES.items() for name in registry.help]


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def all_tests() -> str:
    """The text of all tests but this one."""
    return "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__))


TESTS = all_tests()


@pytest.mark.parametrize(("title", "name"), NAMES)
def test_each_says_what_it_is(title: str, name: str) -> None:
    assert REGISTRIES[title].help[name].strip()


@pytest.mark.parametrize(("title", "name"), NAMES)
def test_each_is_in_its_page(title: str, name: str) -> None:
    assert re.search(rf"`[^`\n]*(?<![\w-]){name}(?![\w-])[^`\n]*`|/{name}\.py", page(REGISTRIES[title].page)), (title, name)


@pytest.mark.parametrize(("title", "name"), NAMES)
def test_each_is_tested(title: str, name: str) -> None:
    assert re.search(REGISTRIES[title].tested.format(name), TESTS), (title, name)


FOLDERS = {
    "crm_store/segmentation/conditions": conditions.KINDS,
    "crm_store/journeys/triggers": TRIGGERS,
    "crm_store/journeys/steps": VERBS,
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_of_a_folder_is_listed(folder: str) -> None:
    files = {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__", "base"}
    assert {one.__module__.rpartition(".")[2] for one in FOLDERS[folder]} == files


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_class_of_a_folder_is_listed(folder: str) -> None:
    listed, package = FOLDERS[folder], folder.replace("/", ".")
    base = next(one for one in reversed(listed[0].__mro__) if one.__module__ == f"{package}.base")
    for path in (ROOT / folder).glob("*.py"):
        found = vars(import_module(f"{package}.{path.stem}")).values()
        made = [
            one for one in found if isinstance(one, type) and issubclass(one, base) and not one.__name__.startswith("_")
        ]
        assert {one for one in made if one.__module__ != base.__module__} <= set(listed)


def test_every_provider_has_a_file_of_its_name() -> None:
    others = {"__init__", "base", "fallback", "gallery", "sendgrid_events"}
    files = {path.stem for path in (ROOT / "outreach/channels").glob("*.py")} - others
    assert files == set(PROVIDERS)


def test_every_kind_of_campaign_has_a_flow_of_its_name_in_a_file_of_its_name() -> None:
    from flows.tick import FLOWS

    assert list(FLOWS) == list(triggers.KINDS)
    for kind, flow in FLOWS.items():
        assert getattr(flow, "name", None) == kind
        assert (ROOT / f"flows/{kind}.py").is_file()


def test_every_trigger_enters_some_kind_of_campaign() -> None:
    assert {trigger for possible in triggers.KINDS.values() for trigger in possible} == set(TRIGGERS)


def test_every_intake_has_a_command() -> None:
    commands = {name for name, _ in leaves()}
    assert {f"import {name}" for name in REGISTRIES["intakes"].help} <= commands


def calls(text: str) -> Iterator[str]:
    """The commands of a page: lines that begin with `rapport`, without what follows as a remark."""
    for line in text.splitlines():
        if match := re.match(r"    (rapport [^#]+)", line):
            yield match[1].strip()


@pytest.mark.parametrize("name", [name for name, _ in leaves()])
def test_every_command_is_in_the_readme(name: str) -> None:
    assert re.search(rf"rapport (--\S+ \S+ )*{name}\b", page("README.md"))


@pytest.mark.parametrize("call", sorted({call for name in ("README.md", IMPORT) for call in calls(page(name))}))
def test_every_command_of_the_readme_can_be_called_so(call: str) -> None:
    assert parsed(shlex.split(call)[1:])


def test_the_words_of_campaigns_in_the_page_are_those_that_are_built() -> None:
    text = page(CAMPAIGNS)
    made = text[text.index(words.BEGIN) : text.index(END) + len(END)]
    assert made.splitlines() == list(words.words_in_markdown())


def test_the_kinds_of_conditions_in_the_page_are_those_that_are_built() -> None:
    text = page(SEGMENTS)
    made = text[text.index(BEGIN) : text.index(END) + len(END)]
    assert made.splitlines() == list(kinds_in_markdown())
