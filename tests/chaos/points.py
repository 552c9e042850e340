"""Points at which a process may die: taken at the drivers, counted as they are passed, so that nobody lists them.

Before and after each statement and each commit, each socket write and read, each file that is opened for writing, written,
linked, renamed or removed. A process that has a number is killed when it comes to the point of that number.
"""

from __future__ import annotations

import io
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

_FILES = ("os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")


class Points:
    """Counts the points that are passed; kills this process at one. `at` 0: counts only."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.passed = 0
        self.kinds: dict[str, int] = {}
        self.watching = False

    def passing(self, kind: str) -> None:
        if not self.watching:
            return
        self.passed += 1
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if self.passed == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, kind: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.passing(f"before {kind}")
            done = work(*args, **kwargs)
            self.passing(f"after {kind}")
            return done

        return watched

    def watch(self, engine: Engine) -> None:
        """From now on points are passed: in this process, for good."""
        dialect: Any = engine.dialect
        for name in ("do_execute", "do_executemany", "do_execute_no_params", "do_commit"):
            setattr(dialect, name, self.around(name.removeprefix("do_").partition("_")[0], getattr(dialect, name)))
        for name in ("send", "sendall", "recv", "recv_into", "connect"):
            setattr(socket.socket, name, self.around("socket", getattr(socket.socket, name)))
        for name in ("write", "pwrite"):
            setattr(os, name, self.around("file", getattr(os, name)))
        io.open = self._opening(io.open)
        sys.addaudithook(lambda event, _: self.passing(f"before {event}") if event in _FILES else None)
        self.watching = True

    def _opening(self, opened: Callable[..., Any]) -> Callable[..., Any]:
        def open_(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            found = opened(file, mode, *args, **kwargs)
            return _Written(found, self) if set(mode) & set("wax+") else found

        return open_


class _Written:
    """A file that is open for writing."""

    def __init__(self, file: Any, points: Points) -> None:
        self._file = file
        self._points = points
        points.passing("after open")

    def write(self, data: Any) -> Any:
        return self._points.around("file", self._file.write)(data)

    def __enter__(self) -> _Written:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._points.passing("after close")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
