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
from crm_store.intake.records import Reject

OURS = ("_line", "_reason", "_text")  # what a rejects file adds; ignored when it is offered again


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


def _csv(path: Path, renamed: Mapping[str, str]) -> Iterator[RawRecord]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(_decoded(file, path))
        header = [name for name in reader.fieldnames or [] if name not in OURS]
        _check_map(renamed, header, path)
        for row in reader:
            trouble = "more cells than the header names" if None in row else None
            cells = {name: cell for name, cell in row.items() if name in header and cell not in (None, "")}
            yield RawRecord(reader.line_num, _rename(cells, renamed), cells, trouble)


def _decoded(file: TextIO, path: Path) -> Iterator[str]:
    try:
        yield from file
    except UnicodeDecodeError:
        raise UsageError(f"file {path.name} is not UTF-8 text; save it as UTF-8") from None


def _json_lines(path: Path, renamed: Mapping[str, str]) -> Iterator[RawRecord]:
    with path.open(encoding="utf-8-sig") as file:
        for line, written in enumerate(_decoded(file, path), start=1):
            if written.strip():
                yield _json_line(line, written, renamed)


def _json_line(line: int, written: str, renamed: Mapping[str, str]) -> RawRecord:
    try:
        value = json.loads(written, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_unique)
    except ValueError:
        return RawRecord(line, {}, {"_text": written.rstrip("\n")}, "is not JSON (or names a field twice)")
    if not isinstance(value, dict):
        return RawRecord(line, {}, {"_text": written.rstrip("\n")}, "is not a JSON object")
    original = {name: part for name, part in value.items() if name not in OURS}
    if "_text" in value:  # a line that could not be read when it was set aside
        return _json_line(line, value["_text"], renamed)
    return RawRecord(line, _rename(original, renamed), original)


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _rename(fields: dict[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    ours = {column: field for field, column in renamed.items()}
    return {ours.get(name, name): value for name, value in fields.items()}


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
        """Keep a record with the reason and its line number."""
        self.count += 1
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8", newline="")
        kept = {"_line": line, "_reason": reason, **original}
        self._file.write(json.dumps(kept, ensure_ascii=False, default=_plain) + "\n")
        self._file.flush()


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)


def refuse(trouble: str | None) -> None:
    if trouble:
        raise Reject(trouble)
