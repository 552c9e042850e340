"""`rapport import`: its options, its summary, and what it says when it is called wrongly."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crm_store.intake.importing import INTAKES
from tests.intake.desk import Desk, holdings, reasons, row_counts, stored

PEOPLE = [{"key": "c1", "first_name": "Ann"}, {"key": "c2", "country": "Germany"}, {"key": "c3", "time_zone": "Gotham"}]


def test_a_summary_for_people_tells_what_was_done(desk: Desk) -> None:
    ran = desk.rapport("import", "customers", desk.json_lines(PEOPLE))
    rejects = desk.shop.root / "rejects" / "records.rejects.jsonl"
    assert (ran.code, ran.err) == (0, "")
    assert [" ".join(line.split()) for line in ran.out.splitlines()] == [
        "new 2",
        "unknown time zones 1",
        "set aside 1",
        f"rejects file {rejects}",
        "set aside 1: country: must be a country's two letters, e.g. DE",
    ]


def test_a_summary_for_programs_has_every_count(desk: Desk) -> None:
    assert desk.take("customers", desk.json_lines(PEOPLE)) == {
        "new": 2,
        "changed": 0,
        "already there": 0,
        "items": 0,
        "stub products": 0,
        "consents": 0,
        "not subscribed again": 0,
        "unknown time zones": 1,
        "set aside": 1,
        "rejects file": str(desk.shop.root / "rejects" / "records.rejects.jsonl"),
        "dry run": False,
    }


def test_without_rejects_there_is_no_rejects_file(desk: Desk) -> None:
    summary = desk.take("customers", desk.json_lines(PEOPLE[:1]))
    assert summary["rejects file"] is None
    assert not (desk.shop.root / "rejects").exists()


@pytest.mark.parametrize("kind", [intake.name for intake in INTAKES])
def test_a_dry_run_tells_all_and_leaves_nothing_in_the_store(desk: Desk, kind: str) -> None:
    desk.customers("c1")
    order = {"customer": "c1", "event": "order", "at": "2026-02-01", "items": [{"product": "cup"}]}
    consents = [{"channel": "email", "topic": "news", "state": "given", "at": "2026-02-01"}]
    records: dict[str, list[Any]] = {
        "customers": [*PEOPLE, {"key": "c4", "consents": consents}],
        "events": [order, order, {**order, "customer": "c9"}],
        "products": [{"key": "cup"}, {"key": None}],
    }
    file = desk.json_lines(records[kind])
    before, held = row_counts(desk.shop.store), holdings(desk.shop.store)
    rehearsed = desk.take(kind, file, "--dry-run")
    assert (row_counts(desk.shop.store), holdings(desk.shop.store)) == (before, held)
    done = desk.take(kind, file)
    assert reasons(desk.rejects(rehearsed)) == reasons(desk.rejects(done))
    assert (rehearsed.pop("dry run"), done.pop("dry run")) == (True, False)
    rehearsed.pop("rejects file"), done.pop("rejects file")
    assert rehearsed == done
    assert row_counts(desk.shop.store) != before


def test_a_dry_run_leaves_the_rejects_of_a_real_one_alone(desk: Desk) -> None:
    done = desk.take("customers", desk.json_lines(PEOPLE))
    rehearsed = desk.take("customers", desk.json_lines([{"key": None}]), "--dry-run")
    assert rehearsed["rejects file"] != done["rejects file"]
    assert list(reasons(desk.rejects(done))) == [2]


def test_a_map_says_how_the_file_calls_a_field(desk: Desk) -> None:
    options = ("--map", "key=customer no", "--map", "email=E-Mail", "--map", "attributes.tier=Status")
    file = desk.csv([["customer no", "E-Mail", "Status", "city"], ["c1", "ann@example.com", "gold", "Bonn"]])
    desk.take("customers", file, *options)
    row = stored(desk.shop.store, "c1")
    assert (row["email"], row["attributes"], row["city"]) == ("ann@example.com", {"tier": "gold"}, "Bonn")
    again = desk.json_lines([{"customer no": "c1", "E-Mail": "ann@example.com", "Status": "gold"}])
    assert desk.take("customers", again, *options)["already there"] == 1


def test_a_field_that_stands_under_two_names_is_refused(desk: Desk) -> None:
    said = {1: "holds a field under both its own and its mapped name"}
    both = {"key": "c1", "email": "ann@example.com", "mail": "bob@example.com"}
    for file in (desk.json_lines([both]), desk.csv([list(both), list(both.values())])):
        rejects = desk.rejects(desk.take("customers", file, "--map", "email=mail"))
        assert list(reasons(rejects).values()) == list(said.values())
        assert rejects[0]["mail"] == "bob@example.com"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--map", "email"], "--map email is not field=column; write e.g. --map email=mail"),
        (["--map", "=mail"], "--map =mail is not field=column; write e.g. --map email=mail"),
        (["--map", "email="], "--map email= is not field=column; write e.g. --map email=mail"),
        (["--map", "emial=mail"], "--map emial=mail: field 'emial' is not known; did you mean 'email'?"),
        (["--map", "email=nail"], "--map email=nail: people.csv has no column 'nail'; did you mean 'mail'?"),
        (
            ["--map", "email=mail", "--map", "email=no"],
            "--map email=no names a field or column that another --map names; keep one",
        ),
        (
            ["--map", "email=mail", "--map", "city=mail"],
            "--map city=mail names a field or column that another --map names; keep one",
        ),
    ],
)
def test_a_wrong_map_is_said_in_one_line(desk: Desk, options: list[str], said: str) -> None:
    before = row_counts(desk.shop.store)
    ran = desk.rapport("import", "customers", desk.csv([["no", "mail"], ["c1", "a@example.com"]], "people.csv"), *options)
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {said}\n")
    assert row_counts(desk.shop.store) == before


@pytest.mark.parametrize("kind", [intake.name for intake in INTAKES])
@pytest.mark.parametrize("name", ["nobody.csv", "folder.jsonl", "records.xlsx", "records"])
def test_a_file_that_can_not_be_one_is_said_in_one_line(desk: Desk, kind: str, name: str) -> None:
    (desk.folder / "folder.jsonl").mkdir()
    if name.startswith("records"):
        desk.text("key\nc1\n", name)
    ran = desk.rapport("import", kind, desk.folder / name)
    there = f"file {name} is neither .csv nor .jsonl; rename or convert it"
    said = there if name.startswith("records") else f"file {desk.folder / name} is not there"
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {said}\n")


def test_a_rejects_folder_that_can_not_be_written_is_said_in_one_line(desk: Desk) -> None:
    (desk.shop.root / "rejects").write_text("in the way")
    ran = desk.rapport("import", "customers", desk.json_lines(PEOPLE))
    assert (ran.code, ran.out) == (2, "")
    rejects = desk.shop.root / "rejects" / "records.rejects.jsonl"
    assert ran.err.startswith(f"error: rejects file {rejects} can't be written: ")
    assert ran.err.count("\n") == 1


def test_every_kind_of_record_has_a_command_with_an_example(desk: Desk) -> None:
    for intake in INTAKES:
        ran = desk.rapport("import", intake.name, "--help")
        assert ran.code == 0
        assert f"Example: rapport import {intake.name} " in ran.out


# As a program of its own


def rapport(desk: Desk, *arguments: str | Path, stderr: int = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
    program = Path(sys.executable).with_name("rapport")
    where: list[str | Path] = ["--workspace", desk.shop.root, "--store", desk.url]
    return subprocess.run([program, *where, *arguments], stdout=subprocess.PIPE, stderr=stderr, check=False)


def test_the_program_takes_a_file_and_says_nothing_else(desk: Desk) -> None:
    ran = rapport(desk, "import", "customers", desk.json_lines(PEOPLE), "--json")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert (json.loads(ran.stdout)["new"], json.loads(ran.stdout)["set aside"]) == (2, 1)
    assert stored(desk.shop.store, "c1")["first_name"] == "Ann"


def test_the_program_says_what_is_wrong_and_fails(desk: Desk) -> None:
    ran = rapport(desk, "import", "events", desk.folder / "nobody.csv")
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert ran.stderr.decode() == f"error: file {desk.folder / 'nobody.csv'} is not there\n"


def test_the_progress_bar_is_for_people_who_watch(desk: Desk) -> None:
    ours, theirs = pty.openpty()
    ran = rapport(desk, "import", "customers", desk.json_lines(PEOPLE, "watched.jsonl"), "--json", stderr=theirs)
    os.close(theirs)
    shown = os.read(ours, 100_000)
    os.close(ours)
    assert json.loads(ran.stdout)["new"] == 2
    assert b"watched.jsonl" in shown
    assert b"\xe2\x94\x81" in shown  # a bar
