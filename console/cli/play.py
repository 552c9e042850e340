"""rapport demo: the whole thing on a real year, to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Argument(help="A new folder, or that of an earlier demo.")] = Path("demo"),
) -> None:
    """Lay out a workspace, import a real retailer's year, play its December day by day, show what happened.

    Example: rapport demo /tmp/shop
    """
    from console.demo.play import play_demo

    play_demo(folder)
