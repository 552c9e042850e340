"""Checking templates: their syntax, the names they use, and a trial with a full and a bare customer."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from crm_store.content.faults import Fault, Faults, Incomplete, Place, did_you_mean, nearest
from crm_store.content.sources import TEMPLATES, Sources
from crm_store.journeys.context import Runnable
from crm_store.journeys.steps import Send
from outreach.rendering.context import NAMES
from outreach.rendering.environment import RENDER_ERRORS, environment, readable, render
from outreach.rendering.mail import HTML, SUBJECT, TEXT, MailTemplate, closure, mail_names
from outreach.rendering.reading import Names, names_in
from outreach.rendering.said import Said
from outreach.rendering.samples import sample_contexts
from outreach.rendering.splitting.program import split
from outreach.rendering.splitting.scopes import NotSplit


def check_templates(sources: Sources, faults: Faults) -> dict[str, MailTemplate]:
    """Every mail that can be loaded and uses known names, by name."""
    names = mail_names(sources)
    for path in sources.files:
        parts = path.split("/")
        if parts[0] == TEMPLATES and parts[-1] in (SUBJECT, TEXT) and "/".join(parts[1:-1]) not in names:
            faults.add(Place(path, 1), f"stands beside no {HTML}; a mail needs subject.j2 and body.html.j2")
    _check_for_stray(names, sources, faults)
    checked = {name: faults.attempt(_check_mail, name, sources, faults) for name in names}
    return {name: mail for name, mail in checked.items() if mail is not None}


def _check_for_stray(names: Sequence[str], sources: Sources, faults: Faults) -> None:
    """A file in a mail's folder that nothing reads is a fault: its author thinks it counts."""
    read = {path for name in names for path in faults_apart(closure, name, sources)}
    for path in sources.files:
        folder, _, file = path.removeprefix(f"{TEMPLATES}/").rpartition("/")
        beside = {one for one in (SUBJECT, HTML, TEXT) if f"{TEMPLATES}/{folder}/{one}" in sources.files}
        if path.startswith(f"{TEMPLATES}/") and beside and file not in (SUBJECT, HTML, TEXT) and path not in read:
            faults.add(Place(path, 1), f"is not read by any mail{nearest(file, {SUBJECT, HTML, TEXT} - beside)}")


def faults_apart(read: Callable[[str, Sources], set[str]], name: str, sources: Sources) -> set[str]:
    """What `read` gives, nothing where it finds a fault: that is reported elsewhere."""
    return Faults().attempt(read, name, sources) or set()


def _check_mail(name: str, sources: Sources, faults: Faults) -> MailTemplate:
    paths = closure(name, sources)
    unknown = list(_unknown_names([names_in(path, sources.files[path]) for path in sorted(paths)]))
    for used, place in unknown:
        faults.add(place, f"'{used}' is not known{did_you_mean(used, NAMES)}")
    if unknown:
        raise Incomplete
    return MailTemplate(name, sources.subset(paths))


def _unknown_names(files: Sequence[Names]) -> Iterator[tuple[str, Place]]:
    """Names that no file of the mail sets: what one file sets, those it includes or extends may use."""
    known = set(NAMES).union(*(one.sets for one in files))
    return ((name, place) for one in files for name, place in one.needs if name not in known)


def try_campaign(
    version: Runnable, sources: Sources, mails: Mapping[str, MailTemplate], faults: Faults, hints: Faults
) -> None:
    """Each mail of a campaign with a full and a bare sample customer; a fault where one can't be rendered or is empty, a
    hint where it lacks what the law wants in most countries."""
    names = mail_names(sources)
    for step in version.campaign.course.steps:
        if isinstance(step, Send) and step.template not in names:
            faults.add(step.place, f"template '{step.template}' is not in templates/{did_you_mean(step.template, names)}")
        elif isinstance(step, Send) and step.template in mails:
            faults.attempt(_try_step, version, step, sources, mails[step.template], hints)


def _try_step(version: Runnable, step: Send, sources: Sources, mail: MailTemplate, hints: Faults) -> None:
    for title, values in sample_contexts(version, step):
        try:
            rendered = mail.render(values)
        except RENDER_ERRORS as error:
            place, cause = find_error(sources, step.template, values) or (_body(step.template), error)
            hint = _offer_hint(place, step, sources)
            raise Fault(place, f"{cause}{hint} (tried with {title})") from None
        _refuse_empty(rendered, step.template, title)
    _look_for_the_law(rendered, values, step.template, hints, version.campaign.is_service)
    _try_to_split(mail, values, hints)


def _refuse_empty(rendered: Said, name: str, title: str) -> None:
    if not rendered.subject:
        raise Fault(Place(f"{TEMPLATES}/{name}/{SUBJECT}", 1), f"the subject is empty (tried with {title})")
    if not rendered.text.strip() and "<img" not in rendered.html:
        raise Fault(_body(name), f"the mail is empty (tried with {title})")


def _try_to_split(mail: MailTemplate, values: Mapping[str, Any], hints: Faults) -> None:
    try:
        split(mail, values)
    except NotSplit as refused:
        hints.add(refused.fault.place, f"{refused.fault.what}: these mails are rendered one by one, which takes longer")


def _look_for_the_law(rendered: Said, values: Mapping[str, Any], name: str, hints: Faults, service: bool) -> None:
    if not service and not any(link in rendered.text for link in values["links"].values()):
        hints.add(_body(name), "has no link to unsubscribe; put {{ links.unsubscribe }} into it")
    if " ".join(values["company"]["address"].split()) not in " ".join(rendered.text.split()):
        hints.add(_body(name), "does not say the company's postal address; put {{ company.address }} into it")


def _body(name: str) -> Place:
    return Place(f"{TEMPLATES}/{name}/{HTML}", 1)


def _offer_hint(place: Place, step: Send, sources: Sources) -> str:
    line = sources.files[place.file].splitlines()[place.line - 1 :][:1]
    if step.offer is None and any("offer." in text for text in line):
        return f"; step '{step.name}' at {step.place} has no `offer`"
    return ""


def find_error(sources: Sources, name: str, values: Mapping[str, Any]) -> tuple[Place, Exception] | None:
    """Where a mail fails in the files as they were written, and how; what is rendered has been prepared."""
    part = sources.subset(closure(name, sources))
    files = {path.removeprefix(f"{TEMPLATES}/"): text for path, text in part.files.items()}
    env = environment(files)
    for path in (f"{name}/{part}" for part in (SUBJECT, HTML, TEXT) if f"{name}/{part}" in files):
        try:
            render(env.get_template(path), readable(values))
        except RENDER_ERRORS as error:
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
            file, line = (frames[-1].filename, frames[-1].lineno) if frames else (path, 1)
            return Place(f"{TEMPLATES}/{file}", line or 1), error
    return None
