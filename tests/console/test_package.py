"""The wheel carries the starter, so that `rapport init` works without a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from console.starter import FOLDERS
from tests.console.test_starter import files

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WHEEL = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]


def test_the_wheel_is_told_to_carry_every_folder_of_the_starter() -> None:
    assert WHEEL["force-include"] == {name: f"console/starter/{name}" for name in FOLDERS}


def test_the_wheel_is_told_to_carry_every_package() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert set(WHEEL["packages"]) == packages


def test_the_command_is_the_one_that_tests_call() -> None:
    assert PROJECT["project"]["scripts"] == {"rapport": "console.cli.app:main"}


@pytest.mark.long  # it fetches the build backend from a package index
def test_a_built_wheel_lays_out_a_workspace_that_passes_its_check(tmp_path: Path) -> None:
    environment = {**os.environ, "PIP_CONSTRAINT": str(ROOT / "constraints.txt")}
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", str(tmp_path), str(ROOT)], env=environment, check=True)
    (wheel,) = tmp_path.glob("rapport-*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "unpacked")
    rapport = [sys.executable, "-m", "console.cli.app"]
    unpacked = {**os.environ, "PYTHONPATH": str(tmp_path / "unpacked"), "RAPPORT_STORE": f"sqlite:///{tmp_path / 'x.db'}"}
    subprocess.run([*rapport, "init", "shop"], cwd=tmp_path, env=unpacked, check=True)
    subprocess.run([*rapport, "apply"], cwd=tmp_path / "shop", env=unpacked, check=True)
    assert files(tmp_path / "shop") == files(tmp_path / "unpacked/console/starter") == files(ROOT)
