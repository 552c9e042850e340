"""Prefect's embedded server does not outlive the process that started it, not even one that was killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.ledger.processes import ROOT

SOON = 20.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=1) as answer:
            return bool(answer.read() == b"hello")
    except OSError:
        return False


def runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
    except FileNotFoundError:
        return False


def comes_true(what: object) -> bool:
    assert callable(what)
    until = time.monotonic() + SOON
    while not what() and time.monotonic() < until:
        time.sleep(0.05)
    return bool(what())


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
@pytest.mark.parametrize("early", [False, True], ids=["while it serves", "while it starts"])
def test_a_server_ends_when_the_process_that_started_it_is_killed(early: bool) -> None:
    port = free_port()
    command = [sys.executable, "-m", "tests.flows.leashed", str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        try:
            assert early or comes_true(lambda: answers(port))
            assert runs(server)
            parent.send_signal(signal.SIGKILL)
            parent.wait()
            assert comes_true(lambda: not runs(server))
            assert not answers(port)
        finally:
            parent.kill()
            if runs(server):
                os.kill(server, signal.SIGKILL)
