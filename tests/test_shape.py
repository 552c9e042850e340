"""The shape of the code: short functions, short files, names that say something, no leftovers."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles

import pytest

ROOT = Path(__file__).parent.parent
CODE = ("crm_store", "outreach", "flows", "console")
ALL = (*CODE, "tests", "benchmarks")
LONGEST_FUNCTION = 40
LONGEST_FILE = 400
SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "base_utils"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")  # these four are looked for in all files but this one
STATEMENTS = (ast.Assign, ast.AugAssign, ast.Import, ast.ImportFrom, ast.Raise, ast.Delete, ast.FunctionDef)
DIRECTIVE = re.compile(r"^(noqa|type:|fmt:|pragma|!)")

Findings = Iterator[str]


def files(root: Path, *folders: str) -> Iterator[Path]:
    """Every module but migrations, which are as long as the tables they make."""
    for folder in folders:
        yield from (path for path in sorted((root / folder).rglob("*.py")) if "versions" not in path.parts)


def functions(root: Path, *folders: str) -> Iterator[tuple[str, int]]:
    """(place and name, lines) of every function."""
    for path in files(root, *folders):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(root)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1


def long_functions(root: Path) -> Findings:
    yield from (f"{name}: {lines} lines" for name, lines in functions(root, *ALL) if lines > LONGEST_FUNCTION)


def long_files(root: Path) -> Findings:
    for path in files(root, *ALL):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines >= LONGEST_FILE:
            yield f"{path.relative_to(root)}: {lines} lines"


def names_that_say_nothing(root: Path) -> Findings:
    yield from (str(path.relative_to(root)) for path in files(root, *ALL) if path.stem in SAY_NOTHING)
    for folder in ALL:
        yield from (
            str(one.relative_to(root)) for one in (root / folder).rglob("*") if one.is_dir() and one.name in SAY_NOTHING
        )


def unfinished_work(root: Path) -> Findings:
    for path in files(root, *ALL):
        if path.name != Path(__file__).name:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if UNFINISHED.search(line):
                    yield f"{path.relative_to(root)}:{number} is unfinished"


def commented_out_code(root: Path) -> Findings:
    for path in files(root, *ALL):
        for number, text in _comments(path.read_text(encoding="utf-8")):
            if _is_code(text):
                yield f"{path.relative_to(root)}:{number} is commented out: {text}"


def _comments(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("#").strip()


def _is_code(text: str) -> bool:
    """Whether it reads as a statement rather than as words."""
    if DIRECTIVE.match(text):
        return False
    try:
        body = ast.parse(f"def f():\n  {text}" if text.startswith(("return", "yield", "await")) else text).body
    except SyntaxError:
        return text.startswith(("def ", "class ", "if ", "for ", "while ", "with ", "elif ")) and text.endswith(":")
    statements = (ast.Assign, ast.AugAssign, ast.Import, ast.ImportFrom, ast.Raise, ast.Delete, ast.FunctionDef)
    return any(
        isinstance(one, statements) or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Call)) for one in body
    )


RULES: dict[Callable[[Path], Findings], tuple[str, str]] = {
    long_functions: ("flows/a.py", "def f():\n" + "    x = 1\n" * LONGEST_FUNCTION),
    long_files: ("console/a.py", "x = 1\n" * LONGEST_FILE),
    names_that_say_nothing: ("outreach/helpers.py", ""),
    unfinished_work: ("crm_store/a.py", "x = 1  # TODO: more"),
    commented_out_code: ("tests/a.py", "x = 1\n# y = f(x)\n"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_is_kept(rule: Callable[[Path], Findings]) -> None:
    assert list(rule(ROOT)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_sees_what_breaks_it(rule: Callable[[Path], Findings], tmp_path: Path) -> None:
    name, text = RULES[rule]
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_text(text)
    (finding,) = rule(tmp_path)
    assert finding.startswith(name)


@pytest.mark.parametrize(
    "text",
    ["x = 1", "x.y(z)", "import os", "return x", "raise Error", "if x:", "for a in b:", "def f():", "del x", "x += 1"],
)
def test_these_are_code(text: str) -> None:
    assert _is_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "given | pending",
        "minor units",
        "machine time",
        "x: the customers",
        "type: ignore[arg-type]",
        "noqa: E501",
        "if so, wait",
        "",
    ],
)
def test_these_are_words(text: str) -> None:
    assert not _is_code(text)


def test_functions_are_short_as_a_whole(capsys: pytest.CaptureFixture[str]) -> None:
    lengths = [lines for _, lines in functions(ROOT, *CODE)]
    half, most = median(lengths), quantiles(lengths, n=10)[-1]
    with capsys.disabled():
        sys.stdout.write(
            f"\nshape: {len(lengths)} functions, median {half:g} lines, p90 {most:g}, longest {max(lengths)}\n"
        )
    assert half <= 9
    assert most <= 30
