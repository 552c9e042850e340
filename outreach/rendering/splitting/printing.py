"""What prints: values, macros in their place, filtered blocks."""

from __future__ import annotations

from dataclasses import replace

from jinja2 import nodes

from outreach.rendering.splitting.files import run_block
from outreach.rendering.splitting.macros import find_macro, run_macro
from outreach.rendering.splitting.running import Run, as_statements
from outreach.rendering.splitting.scopes import Frame


def output(run: Run, node: nodes.Output, frame: Frame) -> None:
    for child in node.nodes:
        if isinstance(child, nodes.TemplateData):
            frame.out.append(child.data)
        elif _called(run, child, frame):
            continue
        elif run.expressions.is_known(child, frame):
            frame.out.append(run.expressions.printed(child, frame))
        else:
            run.emit(nodes.Output([run.residual(child, frame)]), frame)


def _called(run: Run, node: nodes.Expr, frame: Frame) -> bool:
    """Put the body of a macro, or of the block above, in the place of its call; False if it is no such call."""
    if not isinstance(node, nodes.Call):
        return False
    if isinstance(node.node, nodes.Name) and node.node.name == "super" and frame.block is not None:
        name, number = frame.block
        run_block(run, node, frame, name, number + 1, frame.context)
        return True
    macro = find_macro(node.node, frame)
    if macro is not None:
        run_macro(run, macro, node, frame)
    return macro is not None


def filter_block(run: Run, node: nodes.FilterBlock, frame: Frame) -> None:
    printed = run.captured(node.body, frame.inside())
    body = as_statements(printed)
    if all(isinstance(item, str) for item in printed) and run.expressions.is_known(node.filter, frame):
        frame.out.append(run.expressions.text(nodes.FilterBlock(body, node.filter), frame))
    else:
        run.emit(nodes.FilterBlock(body, run.residual(node.filter, frame)), frame)


def escaping(run: Run, node: nodes.ScopedEvalContextModifier, frame: Frame) -> None:
    (option,) = node.options
    if not isinstance(option.value, nodes.Const) or any(node.find_all((nodes.Include, nodes.Block))):
        raise frame.refuse(node, "`autoescape` that is not simply true or false, or has blocks or includes in it")
    run.body(node.body, replace(frame, escape=bool(option.value.value)))
