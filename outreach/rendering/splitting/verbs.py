"""What is understood: a function for each kind of statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, nodes

from outreach.rendering.environment import RENDER_ERRORS
from outreach.rendering.splitting import control, files, macros, naming, printing
from outreach.rendering.splitting.running import Run, Verbs
from outreach.rendering.splitting.scopes import Frame, Item, Names, NotSplit, Scope

VERBS: Verbs = {
    nodes.Output: printing.output,
    nodes.FilterBlock: printing.filter_block,
    nodes.ScopedEvalContextModifier: printing.escaping,
    nodes.Assign: naming.assign,
    nodes.AssignBlock: naming.assign_block,
    nodes.With: naming.with_,
    nodes.Scope: naming.scope,
    nodes.If: control.if_,
    nodes.For: control.for_,
    nodes.Block: files.block,
    nodes.Include: files.include,
    nodes.Import: files.import_,
    nodes.FromImport: files.from_import,
    nodes.Macro: macros.macro,
    nodes.CallBlock: macros.call_block,
}


def run_part(env: Environment, file: str, shared: Mapping[str, Any], of_each: Sequence[str], names: Names) -> list[Item]:
    """What a template prints, and the statements that need a customer, in order. Raises NotSplit."""
    run = Run(env, shared, of_each, names, VERBS)
    context, escape = Scope(run.outermost, shared=True), run.escapes(file)
    frame = Frame(file, escape, Scope(context), context, {}, [], escape, top=True, free=True)
    try:
        files.run_template(run, file, frame)
    except RENDER_ERRORS as error:
        raise NotSplit(file, 1, f"fails for every mail: {type(error).__name__}") from error
    return frame.out
