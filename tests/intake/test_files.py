"""Files as people have them: broken, doubled, in the wrong encoding. Nothing is dropped silently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.intake.desk import Desk, reasons, stored

NOT_JSON = "is not JSON (or names a field twice)"
TWICE = "the column 'city' twice (columns 2 and 3); rename or drop one"
NOT_CSV = "is not CSV; is a quotation mark missing?"


def test_lines_that_are_no_record_are_set_aside_as_they_are(desk: Desk) -> None:
    lines = {
        '{"key": "c1"': NOT_JSON,
        "key: c1": NOT_JSON,
        "[1, 2]": "is not a JSON object",
        '"c1"': "is not a JSON object",
        "null": "is not a JSON object",
        '{"key": "c1", "key": "c2"}': NOT_JSON,
        '{"key": "c1", "attributes": {"tier": "gold", "tier": "silver"}}': NOT_JSON,
        '{"key": "c1", "latitude": NaN}': NOT_JSON,
        '{"key": "c1", "attributes": {"points": Infinity}}': NOT_JSON,
        "[" * 100_000: NOT_JSON,
        '{"key": "c1", "attributes": {"odd": ' + "[" * 200 + "]" * 200 + "}}": "attributes.odd: is nested too deeply",
        '{"key": "c1", "attributes": {"odd": ' + '{"a":' * 200 + "1" + "}" * 201 + "}": "attributes: is nested too deeply",
    }
    summary = desk.take("customers", desk.json_lines(['{"key": "ok"}', *lines]))
    rejects = desk.rejects(summary)
    assert (summary["new"], reasons(rejects)) == (1, dict(enumerate(lines.values(), start=2)))
    kept = [line.get("_text") or _without_ours(line) for line in rejects]
    assert [line.replace(" ", "") for line in kept] == [line.replace(" ", "") for line in lines]


def _without_ours(reject: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in reject.items() if not name.startswith("_")})


def test_what_could_not_be_read_is_still_kept_when_offered_again(desk: Desk) -> None:
    file = desk.json_lines(['{"key": "c1"', '{"key": "\\ud800"}', '{"_text": 5}', '{"_text": ["x"]}'])
    first = desk.take("customers", file)
    again = desk.take("customers", Path(first["rejects file"]))
    assert (first["set aside"], again["set aside"]) == (4, 4)
    assert desk.rejects(again) == desk.rejects(first)


def test_a_mended_line_of_a_rejects_file_is_taken(desk: Desk) -> None:
    file = desk.json_lines(['{"key": "c1"', {"key": "c2", "country": "Germany"}])
    rejects = Path(desk.take("customers", file)["rejects file"])
    mended = rejects.read_text(encoding="utf-8").replace('\\"c1\\"', '\\"c1\\"}').replace("Germany", "DE")
    assert desk.take("customers", desk.text(mended, "mended.jsonl"))["new"] == 2


def test_blank_lines_are_no_records_but_count_as_lines(desk: Desk) -> None:
    summary = desk.take("customers", desk.text('\n{"key": "c1"}\r\n\n   \n{"key": 1.5, "stage": "no"}', "records.jsonl"))
    assert (summary["new"], list(reasons(desk.rejects(summary)))) == (1, [5])


@pytest.mark.parametrize("name", ["records.jsonl", "records.csv"])
def test_a_byte_order_mark_is_no_part_of_the_file(desk: Desk, name: str) -> None:
    text = '{"key": "c1"}' if name.endswith("jsonl") else "key\nc1\n"
    assert desk.take("customers", desk.text("\ufeff" + text, name))["new"] == 1


@pytest.mark.parametrize("name", ["records.jsonl", "records.csv"])
@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_said_in_one_line(desk: Desk, name: str, encoding: str) -> None:
    text = '{"key": "Jürgen"}\n' if name.endswith("jsonl") else "key,last_name\nc1,Jürgen\n"
    path = desk.folder / name
    path.write_bytes(text.encode(encoding))
    ran = desk.rapport("import", "customers", path)
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: file {name} is not UTF-8 text; save it as UTF-8\n")


def test_letters_of_all_kinds_come_through(desk: Desk) -> None:
    name = "Zoë Ærøskøbing 山田 😀"
    file = desk.json_lines([{"key": "c1", "last_name": name}, {"key": "c2", "last_name": [name]}])
    summary = desk.take("customers", file)
    assert stored(desk.shop.store, "c1")["last_name"] == name
    assert name in Path(summary["rejects file"]).read_text(encoding="utf-8")


# CSV


def test_a_row_with_more_cells_than_the_header_is_kept_whole(desk: Desk) -> None:
    file = desk.text("key,city,stage\nc1,Bonn, Rhein,acquired\nc2,Bonn,acquired,\nc3,Bonn\n", "records.csv")
    summary = desk.take("customers", file)
    reject = {"_line": 2, "_reason": "has more cells than the header names", "_text": "c1,Bonn, Rhein,acquired"}
    assert (summary["new"], desk.rejects(summary)) == (2, [reject])
    assert desk.take("customers", Path(summary["rejects file"]))["set aside"] == 1  # not as c1 of the stage Rhein


def test_cells_may_hold_quotes_commas_and_lines(desk: Desk) -> None:
    file = desk.text('key,last_name\r\nc1,"Lee, ""Ann""\nthe first"\r\n\r\nc2,x\x00y\r\n', "records.csv")
    summary = desk.take("customers", file)
    assert stored(desk.shop.store, "c1")["last_name"] == 'Lee, "Ann"\nthe first'
    assert reasons(desk.rejects(summary)) == {5: "last_name: holds a NUL character"}


def test_a_quotation_mark_that_never_ends_swallows_nobody(desk: Desk) -> None:
    file = desk.text('key,last_name\nc1,Lee\nc2,"Lee\nc3,Lee\nc4,Lee\n', "records.csv")
    summary = desk.take("customers", file)
    reject = {"_line": 3, "_reason": NOT_CSV, "_text": 'c2,"Lee'}
    assert (summary["new"], desk.rejects(summary)) == (3, [reject])


def test_a_quotation_mark_that_another_one_ends_far_below_swallows_nobody(desk: Desk) -> None:
    file = desk.text('key,last_name\nc1,"Lee\nc2,Lee\nc3,"Lee"\nc4,"O\'Hara\nc5,Lee\n', "records.csv")
    summary = desk.take("customers", file)
    assert (summary["new"], reasons(desk.rejects(summary))) == (3, {2: NOT_CSV, 5: NOT_CSV})
    assert [stored(desk.shop.store, key)["last_name"] for key in ("c2", "c3", "c5")] == ["Lee"] * 3


def test_after_it_the_rest_of_a_cell_is_not_taken_for_a_customer(desk: Desk) -> None:
    file = desk.text('key,last_name\nc1,"Lee\nthe first\nc2,Lee\n', "records.csv")
    summary = desk.take("customers", file)
    said = "follows a quotation mark that has no end, and has not as many cells as the header"
    assert (summary["new"], reasons(desk.rejects(summary))) == (1, {2: NOT_CSV, 3: said})


NO_HEADER = "line 1 is no header of ours; name the columns, e.g. key,email,phone, or map them: --map key=column"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("c1,ann@example.com,Ann\nc2,bob@example.com,Bob\n", f"file records.csv: {NO_HEADER}"),
        ("Ann,Ann\n", f"file records.csv: {NO_HEADER}"),
        ("key;email\nc1;ann@example.com\n", "file records.csv: its cells are separated by semicolons; save it with commas"),
        ("key\temail\nc1\tann@example.com\n", "file records.csv: its cells are separated by tabs; save it with commas"),
        (
            "key,emial\nc1,ann@example.com\nc2,bob@example.com\n",
            "file records.csv, line 1: field 'emial' is not known; did you mean 'email'?; "
            "drop it, or use --map field=column or --map attributes.NAME=column",
        ),
        (
            "key,ann@example.com,x,y\nc1,a,b,c\n",
            "file records.csv, line 1: a field whose name is no plain word is not known "
            "(2 more columns are not known either); drop it, or use --map field=column or --map attributes.NAME=column",
        ),
    ],
)
def test_a_header_with_which_nobody_could_be_taken_is_one_error_before_anything_is(
    desk: Desk, text: str, said: str
) -> None:
    ran = desk.rapport("import", "customers", desk.text(text, "records.csv"))
    assert (ran.code, ran.out, ran.err) == (1, "", f"error: {said}\n")
    assert not (desk.shop.root / "rejects").exists()


def test_a_name_that_is_an_address_is_not_told(desk: Desk) -> None:
    lines = [{"key": "c1", "ann@example.com": 1}, {"key": "c2", "attributes": {"ann@example.com": "x\x00"}}]
    consent = {"channel": "email", "topic": "news", "state": "given", "at": "2026-01-01", "ann@example.com": 1}
    summary = desk.take("customers", desk.json_lines([*lines, {"key": "c3", "consents": [consent]}, {"key": "c4"}]))
    said = reasons(desk.rejects(summary))
    assert list(said) == [1, 2, 3]
    assert not any("ann@" in reason for reason in said.values())


def test_a_map_to_a_column_that_is_not_there_tells_no_cells(desk: Desk) -> None:
    ran = desk.rapport("import", "customers", desk.text("c1,ann@example.com\n", "records.csv"), "--map", "email=mail")
    assert ran.err == "error: --map email=mail: records.csv has no column 'mail'; look at its first line\n"


def test_text_after_a_closing_quotation_mark_is_no_csv(desk: Desk) -> None:
    summary = desk.take("customers", desk.text('key,last_name\nc1,"Lee"x\nc2,Lee\n', "records.csv"))
    assert (summary["new"], reasons(desk.rejects(summary))) == (1, {2: NOT_CSV})


def test_a_cell_longer_than_any_cell_is_set_aside(desk: Desk) -> None:
    summary = desk.take("customers", desk.text(f"key,last_name\nc1,{'x' * 200_000}\nc2,Lee\n", "records.csv"))
    assert (summary["new"], reasons(desk.rejects(summary))) == (1, {2: NOT_CSV})
    assert desk.rejects(summary)[0]["_text"] == f"c1,{'x' * 200_000}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "file records.csv has no header; the first line must name the columns"),
        (",,\nc1,,\n", "file records.csv has no header; the first line must name the columns"),
        (
            "key,city,city\nc1,Bonn,Berlin\n",
            "file records.csv has the column 'city' twice (columns 2 and 3); rename or drop one",
        ),
        (
            "key, city,city\nc1,Bonn,Berlin\n",
            "file records.csv has the column 'city' twice (columns 2 and 3); rename or drop one",
        ),
        ('key,"city\nc1,Bonn\n', f"file records.csv, line 1: {NOT_CSV}"),
    ],
)
def test_a_header_that_can_not_be_is_said_in_one_line(desk: Desk, text: str, said: str) -> None:
    ran = desk.rapport("import", "customers", desk.text(text, "records.csv"))
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {said}\n")


def test_empty_columns_and_spaces_in_the_header_do_no_harm(desk: Desk) -> None:
    assert desk.take("customers", desk.text("key , city,,\nc1,Bonn,,\n", "records.csv"))["new"] == 1
    assert stored(desk.shop.store, "c1")["city"] == "Bonn"


def test_an_unknown_column_is_refused_where_it_says_something(desk: Desk) -> None:
    summary = desk.take("customers", desk.csv([["key", "shoe_size"], ["c1", ""], ["c2", "44"]]))
    assert (summary["new"], list(reasons(desk.rejects(summary)))) == (1, [3])


def test_no_records_at_all_are_no_trouble(desk: Desk) -> None:
    assert desk.take("customers", desk.text("", "records.jsonl"))["new"] == 0
    assert desk.take("customers", desk.text("key\n", "records.csv"))["new"] == 0
