"""Parameters taken as they come.

For every parameter of every call, `--help` included, typer builds a pydantic adapter: 80 ms, a third of what a quick
command takes. Switches, texts, paths and what was not given need none; everything else still goes typer's way.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer


def take_plainly(command: Any) -> None:
    """Spare a command and all below it the adapters they don't need."""
    for parameter in command.get_params(typer.Context(command)):
        parameter.get_runtime_param = _Plain(parameter)
    for below in getattr(command, "commands", {}).values():
        take_plainly(below)


class _Plain:
    """Stands in for the adapter of one parameter, whose usual one is made when it is needed."""

    def __init__(self, parameter: Any) -> None:
        self.type = parameter.type_descriptor.annotation
        self.nothing: tuple[()] | None = () if parameter.multiple or parameter.nargs == -1 else None
        self.usual = parameter.get_runtime_param

    def __call__(self) -> _Plain:
        return self

    def coerce(self, value: Any, param: Any, ctx: typer.Context) -> Any:
        """The value as the command's function gets it."""
        if value is None:
            return self.nothing
        if self.type is Path:
            return Path(value)
        if self.type == list[str] or (isinstance(self.type, type) and isinstance(value, self.type)):
            return value
        return self.usual().coerce(value, param=param, ctx=ctx)
