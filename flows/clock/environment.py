"""How Prefect is set up for a workspace. Must run before Prefect is imported, and imports nothing of it."""

from __future__ import annotations

import os
from pathlib import Path

from flows.clock.leash import leash

HOME = ".prefect"


def set_up_prefect(root: Path) -> None:
    """Prefect's home inside the workspace, so that a user's own profile is never touched; its own server; no telemetry.

    What the user has set in the environment stands, but for the home.
    """
    if "PREFECT_API_URL" not in os.environ:
        # Our own server is on loopback, without TLS; reading all CA certificates for each client took 20 ms.
        os.environ.setdefault("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "true")
    os.environ["PREFECT_HOME"] = str(root / HOME)
    os.environ["PREFECT_PROFILES_PATH"] = str(root / HOME / "profiles.toml")
    for name, value in {
        **leash(),
        # What goes wrong is raised to the caller, who says it once; runs keep their logs on the server.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "PREFECT_CLIENT_METRICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }.items():
        os.environ.setdefault(name, value)
