"""What the fakes' servers have in common."""

from __future__ import annotations

import socketserver
import sys
from typing import Any


class Lenient(socketserver.BaseServer):
    """A thread for each connection, and not a word about clients that leave: that is what many tests are about."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)
