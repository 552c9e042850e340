"""Random mails, far nastier than people write, and customers with hostile values."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from crm_store.content.sources import Sources
from outreach.rendering.mail import MailTemplate, closure

NAME = "hello"
HOSTILE = (
    "Ann",
    "",
    None,
    "<script>alert('x')</script>",
    'a "quoted" & <b>bold</b>',
    "%name% %% {{ 7*7 }} {% if %} ${x}",
    "李雷 😀",
    "\u202eمرحبا\u202c",
    "two\nlines",
    "\n\n\nlines around\n\n\n",
    " ",
    "\n",
    "carriage\r\nreturn\r",
    "\r",
    "-0000-",
    "\x00\u2028",
)
_EACH = ("(customer.name or 'you')", "customer.n", "(customer.city or '')", "links.u", "offer.code", "zone", "customer.vip")
_SHARED = ("company.name", "company.address", "campaign.title", "locale", "(company.nothing or 'n')")
_MAY_FAIL = ("customer.name", "event.at", "customer.nobody", "company.nothing", "1 / customer.k")
_FILTERS = (
    *("upper", "e", "string", "default(1)", "d('x')", "trim"),
    *("string | length", "string | title", "string | replace('a', 'b')"),
)
_FILTERED = (
    *("(event.at if event else '2026-01-31') | date", "2.5 | money", "'2026-01-31' | date"),
    *("[1, customer.n] | join(',')", "range(customer.k)", "['b', 'a'] | map('upper') | join"),
)
_LITERALS = ("1", '"x<y"', "(not customer.vip)", "'\n\n'", "''", "{'a': customer.n}.a", "[company.name][0]")
_CONDITIONS = (
    *("customer.vip", "company.name", "customer.n > 5", "a is defined", "company.currency == 'EUR'", "event"),
    *("customer.orders", "customer.nobody is none"),
)
_LISTS = (
    *("[1, 2]", "customer.items2", "'ab' | list", "['l1', 'l<2>'][:customer.k]", "range(2)", "customer.orders", "[]"),
    *("[{'name': 'x<', 'n': 1}, {'name': 'y', 'n': 2}]", "{'p': 1, 'q': customer.n}.items()", "'abc' | batch(2)"),
)
_LOOPS = ("", "", "{{ loop.index }}", "{{ loop.last }}", "{{ loop.cycle('p', 'q') }}", "{{ loop.index0 }}{{ customer.n }}")
_TEXTS = (
    *("text ", "<b>", "</b>\n", "&amp; ", " -0- ", "\n", "\n\n", "\n\n\n\n"),
    "a longer text that stays in the shell ",
)
_INCLUDES = ("{% include 'parts/inc.html.j2' %}", "{% include 'parts/inc.j2' %}")
_USE_LIBRARY = "{% import 'parts/lib.html.j2' as lib %}{% from 'parts/lib.html.j2' import color as tint %}"
_LIBRARY = """\
{% set color = 'red' %}
{% macro button(url, text='x') %}<a href='{{ url }}' style='color: {{ color }}'>{{ text }}</a>{% endmacro %}
"""


def values(random: Random) -> dict[str, Any]:
    """The values of one mail."""
    hostile = [random.choice(HOSTILE) for _ in range(4)]
    items = [{"name": random.choice(HOSTILE) or "-", "n": number} for number in range(random.randrange(3))]
    return {
        "customer": {
            "name": hostile[0],
            "city": hostile[1],
            "n": random.randrange(12),
            "k": random.randrange(3),
            "vip": random.random() < 0.5,
            "items2": list(range(random.randrange(3))),
            "orders": items,
            "nobody": None,
        },
        "event": None if random.random() < 0.1 else {"at": "2026-06-15T22:30:00+00:00", "amount": "12.50"},
        "offer": {"code": hostile[2] or "C-1"},
        "links": {"u": f"https://x.example/{random.randrange(99)}?a=1&b={hostile[3] or 2}"},
        "zone": random.choice(("Europe/Berlin", "America/New_York")),
        "campaign": {"title": "Spring <Sale> & more", "name": "spring", "topic": None},
        "company": {"name": "Shop & Söhne", "address": "1 Main St\n\n\n12345 <Town>", "currency": "USD", "nothing": None},
        "locale": "en_US",
    }


class _Writer:
    """Writes random pieces of templates, which may use each other's names."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.variables = random.sample(list("abcdefgh"), random.choice([2, 3, 8, 8]))
        self.many = random.random() < 0.5
        self.macros: list[tuple[str, bool]] = []  # with whether it has a caller

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, *texts: str) -> str:
        return self.random.choice(texts)

    def either(self, *ways: tuple[int, Callable[[], str]]) -> str:
        """What one of some ways gives, each with its weight."""
        return self.random.choices([way for _, way in ways], [weight for weight, _ in ways])[0]()

    def expression(self, depth: int = 0) -> str:
        simple = (
            (3, lambda: self.pick(*_EACH) if self.chance(0.99) else self.pick(*_MAY_FAIL)),
            (2, lambda: self.pick(*_SHARED)),
            (3, self.variable_read),
            (1, lambda: self.pick(*_FILTERED)),
            (1, lambda: self.pick(*_LITERALS)),
        )
        return self.either(*simple, *(((3, lambda: self.compound(depth + 1)),) if depth < 2 else ()))

    def compound(self, depth: int) -> str:
        one, other = self.expression(depth), self.expression(depth)
        return self.pick(
            f"({one} ~ {other})",
            f"({one} | {self.pick(*_FILTERS)})",
            f"({one} {self.pick('or', 'and', 'if customer.vip else')} {other})",
        )

    def variable_read(self) -> str:
        name = self.pick(*self.variables)
        return f"({name} | default('-'))" if self.chance(0.98) else name

    def variable(self) -> str:
        if self.many:
            self.variables.append(f"v{len(self.variables)}")
            return self.variables[-1]
        return self.pick(*self.variables)

    def condition(self) -> str:
        names = [f"{name} | default(0)" for name in self.random.sample(self.variables, 2)]
        return self.pick(*_CONDITIONS, *names)

    def block(self, depth: int, macros: bool = True) -> str:
        return "".join(self.statement(depth, macros) for _ in range(self.random.randrange(1, 4)))

    def statement(self, depth: int, macros: bool) -> str:
        simple = (
            (4, lambda: self.pick(*_TEXTS)),
            (4, lambda: "{{ " + self.expression() + " }}"),
            (2, lambda: "{% set " + self.variable() + " = " + self.expression() + " %}"),
        )
        nested = ((3, lambda: self.if_(depth)), (2, lambda: self.for_(depth)), (4, lambda: self.rare(depth)))
        with_macros = ((2, lambda: self.macro(depth)),) if macros and depth < 2 else ()
        return self.either(*simple, *(nested if depth < 3 else ()), *with_macros)

    def if_(self, depth: int) -> str:
        also = "{% elif " + self.condition() + " %}" + self.block(depth + 1, False) if self.chance(0.3) else ""
        other = "{% else %}" + self.block(depth + 1, False) if self.chance(0.5) else ""
        return "{% if " + self.condition() + " %}" + self.block(depth + 1, False) + also + other + "{% endif %}"

    def for_(self, depth: int) -> str:
        target, kept = self.pick("i", "j", "i", "a"), f" if {self.condition()}" if self.chance(0.2) else ""
        said = "{{ " + self.pick(target, f"{target}.name | default({target})") + " }}" + self.pick(*_LOOPS)
        other = "{% else %}" + self.block(depth + 1, False) if self.chance(0.2) else ""
        head = "{% for " + f"{target} in {self.pick(*_LISTS)}{kept}" + " %}"
        return head + said + self.block(depth + 1, False) + other + "{% endfor %}"

    def macro(self, depth: int) -> str:
        if self.macros and self.chance(0.7):
            return self.call()
        name, framing = f"m{len(self.macros)}", self.chance(0.3)
        self.macros.append((name, framing))
        body = self.block(depth + 2, False) + "{{ z }}" + ("[{{ caller() }}]" if framing else "")
        return "{% macro " + name + "(y, z=1) %}" + body + "{{ y }}{% endmacro %}" + self.call()

    def call(self) -> str:
        name, framing = self.random.choice(self.macros)
        called = f"{name}({self.expression()}, z={self.expression()})"
        if framing:
            return "{% call " + called + " %}" + self.block(2, False) + "{% endcall %}"
        return "{% set " + self.variable() + " = " + called + " %}" if self.chance(0.2) else "{{ " + called + " }}"

    def rare(self, depth: int) -> str:
        inner, name = self.block(depth + 1, False), self.variable()
        return self.pick(
            "{% with " + name + " = " + self.expression() + " %}" + inner + "{% endwith %}",
            "{% filter upper %}" + inner + "{% endfilter %}",
            "{% set " + name + " %}" + inner + "{% endset %}",
            "{% set " + name + " | upper %}" + inner + "{% endset %}",
            _INCLUDES[0],
            _INCLUDES[1],
            "{% autoescape false %}" + inner + "{% endautoescape %}",
            "{% set ns = namespace(t=0) %}{% for q in "
            + self.pick(*_LISTS)
            + " %}{% set ns.t = ns.t + 1 %}{% endfor %}{{ ns.t }}",
            "{{ lib.button(" + self.expression() + ", 'Go') }}{{ tint }}",
            "{% set p, q = " + self.pick("1, 2", "customer.n, 2", "[customer.n, 'b']") + " %}{{ p }}{{ q }}",
            "{%- if customer.vip -%} {{ customer.name or 'you' }} {%- endif -%}",
        )


def mail(random: Random) -> MailTemplate:
    """A random mail. Raises Fault for what is not Jinja."""
    writer = _Writer(random)
    files = {f"{NAME}/subject.j2": _with_library(writer.block(1, False)), "parts/lib.html.j2": _LIBRARY}
    for part in ("parts/inc.html.j2", "parts/inc.j2"):
        text = writer.block(2, False)
        files[part] = _with_library(text.replace(_INCLUDES[0], "").replace(_INCLUDES[1], ""))
    if writer.chance(0.4):
        files["layouts/base.html.j2"], body = _extended(writer)
    else:
        body = _with_library(writer.block(0) + writer.block(0) + writer.block(0))
    files[f"{NAME}/body.html.j2"] = body
    if writer.chance(0.7):  # otherwise the text is made of the HTML, which takes longer
        files[f"{NAME}/body.txt.j2"] = _with_library(writer.block(0, False))
    sources = Sources({f"templates/{path}": text for path, text in files.items()})
    return MailTemplate(NAME, sources.subset(closure(NAME, sources)))


def _extended(writer: _Writer) -> tuple[str, str]:
    """A layout and a body that extends it."""
    blocks = "{% block x %}" + writer.block(1, False) + "{% endblock %}" + writer.block(1, False)
    layout = "P" + writer.block(1, False) + blocks + "{% block y %}y {{ customer.name or 'you' }}{% endblock %}"
    names = [writer.pick(*writer.variables) for _ in range(writer.random.randrange(3))]
    above = "".join("{% set " + name + " = " + writer.expression() + " %}" for name in names)
    inside = writer.pick("{{ super() }}", "") + writer.block(0, False)
    body = above + "{% block x %}" + inside + "{% endblock %}"
    return _with_library(layout), "{% extends 'layouts/base.html.j2' %}" + _with_library(body)


def _with_library(text: str) -> str:
    return _USE_LIBRARY + text if "lib." in text else text
