"""A mail's templates, loaded once, and the mail they give for a context."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import Environment, TemplateSyntaxError

from crm_store.content.faults import Fault, Place, did_you_mean, nearest
from crm_store.content.sources import TEMPLATES, Sources
from outreach.rendering.environment import environment, readable, render
from outreach.rendering.prepare import inline_css, text_from_html
from outreach.rendering.reading import files_used, syntax_fault
from outreach.rendering.said import Said

SUBJECT, HTML, TEXT = PARTS = "subject.j2", "body.html.j2", "body.txt.j2"


class MailTemplate:
    """The templates of one mail. Raises Fault if they can't be loaded."""

    def __init__(self, name: str, sources: Sources) -> None:
        self.name = name
        files = {path.removeprefix(f"{TEMPLATES}/"): text for path, text in sources.files.items() if path.endswith(".j2")}
        html = {path: text for path, text in files.items() if path.endswith(".html.j2")}
        given = f"{name}/{TEXT}" in files
        plain = environment(files)
        of_html = environment({**files, **inline_css(plain, html)})
        of_text = environment(files if given else {**files, **text_from_html(plain, html)}, of_text=True)
        of_text_is = TEXT if given else HTML
        _compile(of_html, closure(name, sources, (SUBJECT, HTML)), plain)
        _compile(of_text, closure(name, sources, (of_text_is,)), plain)
        # Subject, text and HTML: the environment and the name of each.
        self.parts = (
            (of_html, f"{name}/{SUBJECT}"),
            (of_text, f"{name}/{of_text_is}"),
            (of_html, f"{name}/{HTML}"),
        )
        self._subject, self._text_body, self._html_body = (env.get_template(file) for env, file in self.parts)

    def render(self, context: Mapping[str, Any]) -> Said:
        """The mail, with nothing in common with others. Raises one of RENDER_ERRORS, whose text may quote a value."""
        values = readable(context)
        subject = " ".join(render(self._subject, values).split())
        text = re.sub(r"\n{3,}", "\n\n", _lines(render(self._text_body, values)).strip("\n"))
        return Said.plain(subject, f"{text}\n", _lines(render(self._html_body, values)))


def _lines(text: str) -> str:
    """Lines as a mail has them: each with its end, whatever a value brings along. What is kept is what is sent."""
    return re.sub(r"\r\n?", "\n", text).rstrip() + "\n"


def mail_names(sources: Sources) -> list[str]:
    """The mails there are: folders below templates/ with a body."""
    suffix = f"/{HTML}"
    return sorted(
        path.removeprefix(f"{TEMPLATES}/").removesuffix(suffix)
        for path in sources.files
        if path.startswith(f"{TEMPLATES}/") and path.endswith(suffix)
    )


def closure(name: str, sources: Sources, parts: Iterable[str] = PARTS) -> set[str]:
    """The paths of a mail's templates and all they extend, include or import. Raises Fault with the place."""
    found: set[str] = set()
    paths = [
        f"{TEMPLATES}/{name}/{part}" for part in parts if part != TEXT or f"{TEMPLATES}/{name}/{TEXT}" in sources.files
    ]
    todo = [(path, Place(f"{TEMPLATES}/{name}", 1)) for path in paths]
    while todo:
        path, named_at = todo.pop()
        if path not in sources.files:
            raise Fault(named_at, f"template '{path}' is not there{_nearest(path, name, sources)}")
        if path not in found:
            found.add(path)
            todo += files_used(path, sources.files[path])
    return found


def _nearest(path: str, name: str, sources: Sources) -> str:
    """The file that was meant; of a part that every mail has only one of its folder that is no other part."""
    parts = [f"{TEMPLATES}/{name}/{part}" for part in PARTS]
    near = [known for known in sources.files if known.endswith(".j2") and known not in parts]
    if path not in parts:
        return did_you_mean(path, [known for known in sources.files if known.endswith(".j2")])
    return nearest(path, [known for known in near if known.rpartition("/")[0] == path.rpartition("/")[0]])


def _compile(env: Environment, paths: Iterable[str], plain: Environment) -> None:
    """Compile every file of a part now: no mail fails to when it is sent. Raises Fault, at the line as it was written."""
    files = [path.removeprefix(f"{TEMPLATES}/") for path in sorted(paths)]
    try:
        for path in files:
            env.get_template(path)
    except TemplateSyntaxError as error:
        for path in files:
            _compile_as_written(plain, path)
        what = f"can't be prepared: {error.message}; let blocks and ifs begin and end outside of tags and styles"
        raise Fault(Place(f"{TEMPLATES}/{error.name}", 1), what) from None


def _compile_as_written(plain: Environment, path: str) -> None:
    try:
        plain.get_template(path)
    except TemplateSyntaxError as error:
        raise syntax_fault(f"{TEMPLATES}/{path}", error) from None
