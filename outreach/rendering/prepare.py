"""What is done to template sources once, when they are loaded: CSS is inlined, a text part is made from the HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from html.parser import HTMLParser

from jinja2 import Environment

from crm_store.content.faults import Fault, Place
from outreach.rendering.masking import URL_MARK, html_mark, mask_for_html, mask_for_text, url_mark

_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL | re.IGNORECASE)
_HIDDEN = re.compile(r'<(\w+)[^>]*class="preheader"[^>]*>.*?</\1>', re.DOTALL)
_HEADING = re.compile(r"<(/?)h[1-6]\b", re.IGNORECASE)
_CELL_END = re.compile(r"(?=</t[dh]\b)", re.IGNORECASE)
_LINK = re.compile(r"""<(/?)a\b((?:[^>"']|"[^"]*"|'[^']*')*)>""", re.IGNORECASE)
_HREF = re.compile(r"""\bhref\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)""", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([.+-])")
_BACKSLASH = "\ue002"  # private use, as the marks of constructs are
# Tags that an HTML parser adds by itself, and those whose end may be left out.
_ADDED = {"html", "head", "body", "tbody", "colgroup", "style"}
_MAY_STAY_OPEN = {"p", "li", "dt", "dd", "tr", "td", "th", "thead", "tfoot", "option"}


def inline_css(env: Environment, sources: Mapping[str, str]) -> dict[str, str]:
    """The HTML sources with the style sheets of all of them written into their tags. Raises Fault."""
    if not any(_STYLE.search(source) for source in sources.values()):
        return dict(sources)
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

    # The sheet stays in the head as well: for @media, :hover, and rules that reach from one file into another.
    inliner = CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)
    if re.search(r"<html[\s>]", html, re.IGNORECASE):
        return str(inliner.inline(html))
    return str(inliner.inline_fragment(html, sheet))


class _TagList(HTMLParser):
    """Where tags begin and end, but for those that need not be written."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # HTMLParser's signature
        if tag not in _ADDED:
            self.tags.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _ADDED | _MAY_STAY_OPEN:
            self.tags.append(f"/{tag}")


def _tags(html: str) -> list[str]:
    parser = _TagList()
    parser.feed(html)
    parser.close()
    return parser.tags


def text_from_html(env: Environment, sources: Mapping[str, str]) -> dict[str, str]:
    """Text templates with the same Jinja as the HTML ones, under the same names; a link becomes `text <url>`."""
    return {name: _as_text(env, source) for name, source in sources.items()}


def _as_text(env: Environment, source: str) -> str:
    from html2text import HTML2Text

    masked = mask_for_text(env, _HIDDEN.sub("", _STYLE.sub("", source)))
    converter = HTML2Text(bodywidth=0)
    converter.ignore_images = converter.ignore_emphasis = converter.ignore_tables = converter.ignore_links = True
    converter.unicode_snob = True
    # It writes Markdown: headings with #, backslashes before what Markdown would read as something else.
    html = _CELL_END.sub(" ", _HEADING.sub(r"<\1p", masked.text.replace("\\", _BACKSLASH)))
    urls: list[str] = []
    text = _ESCAPED.sub(r"\1", converter.handle(_written_out(html, urls))).replace(_BACKSLASH, "\\")
    text = masked.unmask(URL_MARK.sub(lambda match: urls[int(match[1])], text))
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    paragraphs = re.sub(r"\n{3,}", "\n\n", lines).strip("\n") + "\n"
    return paragraphs.replace("%}\n\n", "%}\n\n\n")  # Jinja takes one of them away (trim_blocks)


def _written_out(html: str, urls: list[str]) -> str:
    """The HTML with a mark for its address after each link, and the addresses, which no converter may touch."""
    open_links: list[str] = []

    def write_out(match: re.Match[str]) -> str:
        if match[1]:
            return open_links.pop() if open_links else ""
        href = _HREF.search(match[2])
        address = unescape(href[1].strip("\"'")).replace(_BACKSLASH, "\\") if href else ""
        open_links.append(f" &lt;{url_mark(len(urls))}&gt;" if address and not address.startswith("#") else "")
        urls.append(address)
        return ""

    return _LINK.sub(write_out, html)
