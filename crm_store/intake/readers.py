"""Reading CSV and JSON Lines as raw records with their line numbers, and writing rejects in the same form."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from crm_store.errors import UsageError
from crm_store.intake.values import Reject, parse_json

OURS = ("_line", "_reason", "_text")  # what a rejects file adds; ignored when it is offered again
_NOT_JSON = "is not JSON (or names a field twice)"
_NOT_CSV = "is not CSV; is a quotation mark missing?"


@dataclass(frozen=True)
class RawRecord:
    """A record as the file has it, under our field names; `trouble` if the line can't be read at all."""

    line: int
    fields: dict[str, Any]
    original: dict[str, Any]
    trouble: str | None = None


def open_records(path: Path, renamed: Mapping[str, str]) -> Iterator[RawRecord]:
    """The records of a .csv or .jsonl file. `renamed`: our field -> the file's column. Raises UsageError."""
    if not path.is_file():
        raise UsageError(f"file {path} is not there")
    if path.suffix.lower() == ".csv":
        return _csv(path, renamed)
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return _json_lines(path, renamed)
    raise UsageError(f"file {path.name} is neither .csv nor .jsonl; rename or convert it")


class _Lines:
    """A file's lines, remembering those read since the last record: the text of what can't be read."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self._lines = _decoded(file, path)
        self._read: list[str] = []

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._read.append(line)
        return line

    def taken(self) -> str:
        text = "".join(self._read).rstrip("\r\n")
        self._read.clear()
        return text


def _csv(path: Path, renamed: Mapping[str, str]) -> Iterator[RawRecord]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _Lines(file, path)
        reader = csv.reader(lines, strict=True)
        header = _header(reader, path)
        lines.taken()
        _check_map(renamed, header, path)
        for line, cells in _rows(reader):
            text = lines.taken()
            if cells is None or any(cell.strip() for cell in cells[len(header) :]):
                trouble = _NOT_CSV if cells is None else "has more cells than the header names"
                yield RawRecord(line, {}, {"_text": text}, trouble)
            elif cells:
                named = {name: cell for name, cell in zip(header, cells, strict=False) if cell.strip()}
                yield _renamed(line, {name: cell for name, cell in named.items() if name not in OURS}, renamed)


def _header(reader: Iterator[list[str]], path: Path) -> list[str]:
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error:
        raise UsageError(f"file {path.name}, line 1: {_NOT_CSV}") from None
    while header and not header[-1]:  # spreadsheets write empty columns at the end
        header.pop()
    if not header:
        raise UsageError(f"file {path.name} has no header; the first line must name the columns")
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise UsageError(f"file {path.name} has the column '{doubled[0]}' twice; rename or drop one")
    return header


def _rows(reader: Any) -> Iterator[tuple[int, list[str] | None]]:
    """(first line, cells) of each row, None for one that is not CSV."""
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield line, None


def _decoded(file: TextIO, path: Path) -> Iterator[str]:
    try:
        yield from file
    except UnicodeDecodeError:
        raise UsageError(f"file {path.name} is not UTF-8 text; save it as UTF-8") from None


def _json_lines(path: Path, renamed: Mapping[str, str]) -> Iterator[RawRecord]:
    with path.open(encoding="utf-8-sig") as file:
        for line, written in enumerate(_decoded(file, path), start=1):
            if written.strip():
                yield _json_line(line, written.rstrip("\n"), renamed)


def _json_line(line: int, written: str, renamed: Mapping[str, str]) -> RawRecord:
    try:
        value = parse_json(written)
    except ValueError:
        return RawRecord(line, {}, {"_text": written}, _NOT_JSON)
    if not isinstance(value, dict):
        return RawRecord(line, {}, {"_text": written}, "is not a JSON object")
    if "_text" in value:  # a line that could not be read when it was set aside
        return _json_line(line, str(value["_text"]), renamed)
    return _renamed(line, {name: part for name, part in value.items() if name not in OURS}, renamed)


def _renamed(line: int, fields: dict[str, Any], renamed: Mapping[str, str]) -> RawRecord:
    ours = {column: field for field, column in renamed.items()}
    found = {ours.get(name, name): value for name, value in fields.items()}
    trouble = "holds a field under both its own and its mapped name" if len(found) < len(fields) else None
    return RawRecord(line, found, fields, trouble)


def _check_map(renamed: Mapping[str, str], header: list[str], path: Path) -> None:
    for field, column in renamed.items():
        if column not in header:
            raise UsageError(f"--map {field}={column}: {path.name} has no column '{column}'; it has: {', '.join(header)}")


class Rejects:
    """The file in which records that could not be taken are kept, in the form of the import; made at the first one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file:
            self._file.close()

    def add(self, line: int, reason: str, original: dict[str, Any]) -> None:
        """Keep a record with the reason and its line number. Raises UsageError if the file can't be written."""
        self.count += 1
        self._file = self._file or self._open()
        kept = {"_line": line, "_reason": reason, **original}
        self._file.write(json.dumps(kept, ensure_ascii=False, default=_plain) + "\n")
        self._file.flush()

    def _open(self) -> TextIO:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Half characters, which UTF-8 does not have, are written as the escapes they came as.
            return self.path.open("w", encoding="utf-8", newline="", errors="backslashreplace")
        except OSError as error:
            raise UsageError(f"rejects file {self.path} can't be written: {error.strerror}") from None


def _plain(value: Any) -> Any:
    """An exact decimal as a JSON number, or as a text where no float equals it."""
    if isinstance(value, Decimal) and Decimal(repr(float(value))) == value:
        return float(value)
    return str(value)


def refuse(trouble: str | None) -> None:
    if trouble:
        raise Reject(trouble)
