"""What is done to template sources once, when they are loaded: CSS is inlined, a text part is made from the HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser

from jinja2 import Environment

from crm_store.content.faults import Fault, Place
from outreach.rendering.masking import html_mark, mask_for_html, mask_for_text

_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL | re.IGNORECASE)
# What Markdown has and a plain mail does not: headings with #, links in brackets.
_HEADING = re.compile(r"^#+ ", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\(<?([^)\s>]*)>?\)")
# Tags that an HTML parser adds by itself.
_ADDED = {"html", "head", "body", "tbody", "colgroup"}


def inline_css(env: Environment, sources: Mapping[str, str]) -> dict[str, str]:
    """The HTML sources with the style sheets of all of them written into their tags. Raises Fault."""
    masked = {name: mask_for_html(env, source) for name, source in sources.items()}
    sheet = "\n".join(css for part in masked.values() for css in _STYLE.findall(part.text))
    if not sheet.strip():
        return dict(sources)
    result = {}
    for name, part in masked.items():
        inlined = _inline(part.text, sheet)
        if _tags(inlined) != _tags(part.text):
            raise Fault(
                Place(f"templates/{name}", 1),
                "CSS can't be inlined here: the HTML is not well nested by itself; "
                "keep table rows and their <table> in one file",
            )
        result[name] = part.unmask(inlined, html_mark)
    return result


def _inline(html: str, sheet: str) -> str:
    from css_inline import CSSInliner

    inliner = CSSInliner(keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False)
    if re.search(r"<html[\s>]", html, re.IGNORECASE):
        return str(inliner.inline(html))
    return str(inliner.inline_fragment(html, sheet))


class _TagList(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # HTMLParser's signature
        if tag not in _ADDED and tag != "style":
            self.tags.append(tag)


def _tags(html: str) -> list[str]:
    parser = _TagList()
    parser.feed(html)
    return parser.tags


def text_from_html(env: Environment, sources: Mapping[str, str]) -> dict[str, str]:
    """Text templates with the same Jinja as the HTML ones, under the same names."""
    return {name: _as_text(env, source) for name, source in sources.items()}


def _as_text(env: Environment, source: str) -> str:
    from html2text import HTML2Text

    masked = mask_for_text(env, _without_head(source))
    converter = HTML2Text(bodywidth=0)
    converter.ignore_images = True
    converter.ignore_emphasis = True
    converter.ignore_tables = True
    converter.single_line_break = False
    converter.unicode_snob = True
    text = _LINK.sub(r"\1 <\2>", _HEADING.sub("", converter.handle(masked.text)))
    lines = [line.rstrip() for line in masked.unmask(text).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"


def _without_head(source: str) -> str:
    """Style sheets and hidden preview lines are nothing to read."""
    source = _STYLE.sub("", source)
    return re.sub(r'<(\w+)[^>]*class="preheader"[^>]*>.*?</\1>', "", source, flags=re.DOTALL)
