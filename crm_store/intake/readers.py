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

from crm_store.content.faults import nearest
from crm_store.errors import RapportError, UsageError
from crm_store.intake.records import Form, is_word
from crm_store.intake.values import Reject, parse_json

OURS = ("_line", "_reason", "_text")  # what a rejects file adds; ignored when it is offered again
_NOT_JSON = "is not JSON (or names a field twice)"
_NOT_CSV = "is not CSV; is a quotation mark missing?"
_SWALLOWED = "follows a quotation mark that has no end, and has not as many cells as the header"


@dataclass(frozen=True)
class RawRecord:
    """A record as the file has it, under our field names; `trouble` if the line can't be read at all."""

    line: int
    fields: dict[str, Any]
    original: dict[str, Any]
    trouble: str | None = None


class Records:
    """The records of a .csv or .jsonl file. `renamed`: our field -> the file's column."""

    def __init__(self, path: Path, renamed: Mapping[str, str]) -> None:
        self.path = path
        self.renamed = renamed

    def __iter__(self) -> Iterator[RawRecord]:
        return _csv(self.path, self.renamed) if _is_csv(self.path) else _json_lines(self.path, self.renamed)

    def check(self, form: Form) -> None:
        """Raise RapportError if the header is none, or names columns for which no line could be taken.

        Names no cell that is not one of our fields or a plain word beside some: it may be somebody's.
        """
        if not _is_csv(self.path):
            return
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            lines = _Lines(file, self.path)
            reader = csv.reader(lines, strict=True)
            header = _header(reader, self.path)
            _check_map(self.renamed, header, self.path)
            unknown = _unknown(header, self.renamed, form, self.path)
            lines.taken()
            if unknown and _says_something_always(reader, lines, header, unknown):
                raise RapportError(_unknown_columns(unknown, form, self.path))


def open_records(path: Path, renamed: Mapping[str, str]) -> Records:
    """The records of a .csv or .jsonl file. `renamed`: our field -> the file's column. Raises UsageError."""
    if not path.is_file():
        raise UsageError(f"file {path} is not there")
    if _is_csv(path) or path.suffix.lower() in (".jsonl", ".ndjson"):
        return Records(path, renamed)
    raise UsageError(f"file {path.name} is neither .csv nor .jsonl; rename or convert it")


def _is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


class _Lines:
    """A file's lines, remembering those read since the last record: the text of what can't be read.

    `number`: how many were read. `mended`: up to this line a record could not be read, and its lines are read one by one.
    """

    def __init__(self, file: TextIO, path: Path) -> None:
        self._lines = _decoded(file, path)
        self._read: list[str] = []
        self._again: list[str] = []
        self.number = 0
        self.mended = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines)
        self._read.append(line)
        self.number += 1
        return line

    def taken(self) -> str:
        text = "".join(self._read).rstrip("\r\n")
        self._read.clear()
        return text

    def first_alone(self) -> str:
        """Of lines that make no record the first; the others are read again: a quotation mark may have swallowed them."""
        first, rest = self._read[0], self._read[1:]
        self.mended = max(self.mended, self.number)
        self._again += reversed(rest)
        self.number -= len(rest)
        self._read.clear()
        return first.rstrip("\r\n")


def _csv(path: Path, renamed: Mapping[str, str]) -> Iterator[RawRecord]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _Lines(file, path)
        reader = csv.reader(lines, strict=True)
        header = _header(reader, path)
        lines.taken()
        _check_map(renamed, header, path)
        for line, cells in _rows(reader, lines):
            trouble = _trouble(cells, header, line <= lines.mended)
            text = lines.first_alone() if cells is None else lines.taken()
            if trouble or cells is None:
                yield RawRecord(line, {}, {"_text": text}, trouble)
            elif cells:
                named = {name: cell for name, cell in zip(header, cells, strict=False) if cell.strip()}
                yield _renamed(line, {name: cell for name, cell in named.items() if name not in OURS}, renamed)


def _trouble(cells: list[str] | None, header: list[str], is_mended: bool) -> str | None:
    """Why a row can't be read. After a quotation mark that is missing, what looks like a row may be the rest of a cell."""
    if cells is None:
        return _NOT_CSV
    if any(cell.strip() for cell in cells[len(header) :]):
        return "has more cells than the header names"
    return _SWALLOWED if is_mended and cells and len(cells) != len(header) else None


def _header(reader: Iterator[list[str]], path: Path) -> list[str]:
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error:
        raise UsageError(f"file {path.name}, line 1: {_NOT_CSV}") from None
    while header and not header[-1]:  # spreadsheets write empty columns at the end
        header.pop()
    if not header:
        raise UsageError(f"file {path.name} has no header; the first line must name the columns")
    return header


def _unknown(header: list[str], renamed: Mapping[str, str], form: Form, path: Path) -> list[str]:
    """The columns that are no fields. Raises RapportError if all are, or if two have the same name."""
    ours = {column: field for field, column in renamed.items()}
    known = [name for name in header if name in OURS or form.fault(ours.get(name, name)) is None]
    if not known:
        raise RapportError(_no_header(header, form, path))
    doubled = next((name for name in header if header.count(name) > 1), None)
    if doubled is not None:
        said = f"the column '{doubled}'" if doubled in known else "a column"
        first, second = [place for place, name in enumerate(header, start=1) if name == doubled][:2]
        raise UsageError(f"file {path.name} has {said} twice (columns {first} and {second}); rename or drop one")
    return [name for name in header if name not in known]


def _no_header(header: list[str], form: Form, path: Path) -> str:
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            return f"file {path.name}: its cells are separated by {name}; save it with commas"
    fields = ",".join(form.fields[:3])
    return f"file {path.name}: line 1 is no header of ours; name the columns, e.g. {fields}, or map them: --map key=column"


def _says_something_always(reader: Iterator[list[str]], lines: _Lines, header: list[str], unknown: list[str]) -> bool:
    """Whether there are rows, and each has a value in one of the unknown columns: not one could be taken."""
    places = [place for place, name in enumerate(header) if name in unknown]
    found = False
    for _, cells in _rows(reader, lines):
        if cells is None:
            lines.first_alone()
        elif cells:
            found = True
            if not any(cells[place].strip() for place in places if place < len(cells)):
                return False
        lines.taken()
    return found


def _unknown_columns(unknown: list[str], form: Form, path: Path) -> str:
    first, more = form.fault(unknown[0]), len(unknown) - 1
    others = f" ({more} more columns are not known either)" if more > 1 else " (nor is one more column)" if more else ""
    free = f" or --map {form.free}.NAME=column" if form.free else ""
    return f"file {path.name}, line 1: {first}{others}; drop it, or use --map field=column{free}"


def _rows(reader: Iterator[list[str]], lines: _Lines) -> Iterator[tuple[int, list[str] | None]]:
    """(first line, cells) of each row, None for one that is not CSV."""
    while True:
        line = lines.number + 1
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
            hint = nearest(column, filter(is_word, header)) or "; look at its first line"
            raise UsageError(f"--map {field}={column}: {path.name} has no column '{column}'{hint}")


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
