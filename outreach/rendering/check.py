"""Checking templates: their syntax, the names they use, and a trial with a full and a bare customer."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError, meta

from crm_store.content.faults import Fault, Faults, Place, did_you_mean
from crm_store.content.sources import TEMPLATES, Sources
from crm_store.journeys.context import Runnable
from crm_store.journeys.steps import Send
from outreach.rendering.context import NAMES
from outreach.rendering.environment import environment, render
from outreach.rendering.mail import HTML, SUBJECT, TEXT, MailTemplate, closure, mail_names
from outreach.rendering.samples import sample_contexts


def check_templates(sources: Sources, faults: Faults) -> None:
    """Every mail can be loaded and uses known names."""
    for path in sources.files:
        parts = path.split("/")
        if parts[0] == TEMPLATES and parts[-1] in (SUBJECT, TEXT) and "/".join(parts[1:-1]) not in mail_names(sources):
            faults.add(Place(path, 1), f"stands beside no {HTML}; a mail needs subject.j2 and body.html.j2")
    for name in mail_names(sources):
        faults.attempt(_check_mail, name, sources)


def _check_mail(name: str, sources: Sources) -> None:
    for path in sorted(closure(name, sources)):
        tree = environment({}).parse(sources.files[path])
        for used in sorted(meta.find_undeclared_variables(tree) - {*NAMES, "range"}):
            raise Fault(
                Place(path, _line_of(sources.files[path], used)), f"'{used}' is not known{did_you_mean(used, NAMES)}"
            )
    MailTemplate(name, sources.subset(closure(name, sources)))


def _line_of(source: str, word: str) -> int:
    return next((number for number, line in enumerate(source.splitlines(), 1) if word in line), 1)


def try_campaign(version: Runnable, sources: Sources, faults: Faults) -> None:
    """Each mail of a campaign with a full and a bare sample customer; a fault where one can't be rendered."""
    names = mail_names(sources)
    for step in version.campaign.steps:
        if not isinstance(step, Send):
            continue
        if step.template not in names:
            faults.add(step.place, f"template '{step.template}' is not in templates/{did_you_mean(step.template, names)}")
            continue
        faults.attempt(_try_step, version, step, sources)


def _try_step(version: Runnable, step: Send, sources: Sources) -> None:
    part = sources.subset(closure(step.template, sources))
    files = {path.removeprefix(f"{TEMPLATES}/"): text for path, text in part.files.items()}
    env = environment(files)
    for title, values in sample_contexts(version, step):
        for path in _parts(step.template, files):
            _try(env, path, values, title)


def _parts(name: str, files: Mapping[str, str]) -> Iterator[str]:
    return (f"{name}/{part}" for part in (SUBJECT, HTML, TEXT) if f"{name}/{part}" in files)


def _try(env: Any, path: str, values: Mapping[str, Any], title: str) -> None:
    try:
        render(env.get_template(path), values)
    except TemplateSyntaxError as error:
        raise Fault(Place(f"{TEMPLATES}/{error.name or path}", error.lineno), f"not Jinja: {error.message}") from None
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise Fault(_place(error, path), f"{error} (tried with {title})") from None


def _place(error: BaseException, path: str) -> Place:
    """Where in a template an error was raised: Jinja puts its lines into the traceback."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(".j2")]
    return (
        Place(f"{TEMPLATES}/{frames[-1].filename}", frames[-1].lineno or 1) if frames else Place(f"{TEMPLATES}/{path}", 1)
    )
