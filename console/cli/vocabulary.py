"""rapport vocabulary: the company's words."""

from __future__ import annotations

import typer

from console.cli.output import say
from console.cli.session import session

app = typer.Typer(help="The company's words: attributes, events, topics.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """The company's words: attributes, events, topics."""


@app.command()
def suggest(context: typer.Context) -> None:
    """Lines for config/vocabulary.yaml, for what the store holds and the vocabulary does not name yet.

    Example: rapport vocabulary suggest
    """
    from crm_store.insight.words import suggestions

    here = session(context)
    with here.store.read() as conn:
        lines = suggestions(conn, here.workspace.vocabulary)
    say(*lines or ["# the vocabulary names everything that the store holds"])
