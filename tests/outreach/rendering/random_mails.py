"""Random mails, far nastier than people write, and customers with hostile values."""

from __future__ import annotations

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
_FILTERS = ("upper", "e", "string", "default(1)", "d('x')", "string | length", "string | title", "string | replace('a', 'b')", "trim")


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
    """Writes one random template after the other; they may use each other's names."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.variables = random.sample(list("abcdefgh"), random.choice([2, 3, 8, 8]))
        self.many = random.random() < 0.5
        self.macros: list[tuple[str, bool]] = []  # with whether it has a caller
        self.made = 0

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, *texts: str) -> str:
        return self.random.choice(texts)

    def expression(self, depth: int = 0) -> str:
        kind = self.random.randrange(13)
        if kind < 3:
            return self.pick(*_EACH) if self.chance(0.99) else self.pick(*_MAY_FAIL)
        if kind < 5:
            return self.pick(*_SHARED)
        if kind < 8:
            name = self.pick(*self.variables)
            return f"({name} | default('-'))" if self.chance(0.98) else name
        if kind == 8 and depth < 2:
            return f"({self.expression(depth + 1)} ~ {self.expression(depth + 1)})"
        if kind == 9 and depth < 2:
            return f"{self.expression(depth + 1)} | {self.pick(*_FILTERS)}"
        if kind == 10 and depth < 2:
            join = self.pick("or", "and", "if customer.vip else")
            return f"({self.expression(depth + 1)} {join} {self.expression(depth + 1)})"
        if kind == 11:
            return self.pick("(event.at if event else '2026-01-31') | date", "2.5 | money", "[1, customer.n] | join(',')", "'2026-01-31' | date", "range(customer.k)")
        return self.pick("1", '"x<y"', "(not customer.vip)", "'\n\n'", "''", "{'a': customer.n}.a", "[company.name][0]")

    def variable(self) -> str:
        if not self.many:
            return self.pick(*self.variables)
        self.made += 1
        self.variables.append(f"v{self.made}")
        return self.variables[-1]

    def condition(self) -> str:
        given = ("customer.vip", "company.name", "customer.n > 5", "a is defined", "company.currency == 'EUR'", "event")
        names = [f"{name} | default(0)" for name in self.random.sample(self.variables, 2)]
        return self.pick(*given, "customer.orders", "customer.nobody is none", *names)

    def over(self) -> str:
        lists = ("[1, 2]", "customer.items2", "'ab' | list", "['l1', 'l<2>'][:customer.k]", "range(2)", "customer.orders", "[]")
        return self.pick(*lists, "[{'name': 'x<', 'n': 1}, {'name': 'y', 'n': 2}]", "{'p': 1, 'q': customer.n}.items()")

    def block(self, depth: int, macros: bool = True) -> str:
        return "".join(self.statement(depth, macros) for _ in range(self.random.randrange(1, 5)))

    def statement(self, depth: int, macros: bool) -> str:
        kind = self.random.randrange(24)
        if kind < 4:
            return self.pick("text ", "<b>", "</b>\n", "&amp; ", " -0- ", "\n", "\n\n", "\n\n\n\n", "a longer text that stays in the shell ")
        if kind < 8:
            return "{{ " + self.expression() + " }}"
        if kind < 10:
            return "{% set " + self.variable() + " = " + self.expression() + " %}"
        if depth >= 3:
            return ""
        if kind < 13:
            return self.if_(depth)
        if kind < 15:
            return self.for_(depth)
        if kind >= 17 and depth < 2 and macros:
            return self.macro(depth)
        return self.rare(depth)

    def if_(self, depth: int) -> str:
        also = "{% elif " + self.condition() + " %}" + self.block(depth + 1, False) if self.chance(0.3) else ""
        other = "{% else %}" + self.block(depth + 1, False) if self.chance(0.5) else ""
        return "{% if " + self.condition() + " %}" + self.block(depth + 1, False) + also + other + "{% endif %}"

    def for_(self, depth: int) -> str:
        target, kept = self.pick("i", "j", "i", "a"), f" if {self.condition()}" if self.chance(0.2) else ""
        loops = ("", "", "{{ loop.index }}", "{{ loop.last }}", "{{ loop.cycle('p', 'q') }}", "{{ loop.index0 }}{{ customer.n }}")
        said = "{{ " + self.pick(target, f"{target}.name | default({target})", target) + " }}" + self.pick(*loops)
        other = "{% else %}" + self.block(depth + 1, False) if self.chance(0.2) else ""
        return "{% for " + f"{target} in {self.over()}{kept}" + " %}" + said + self.block(depth + 1, False) + other + "{% endfor %}"

    def macro(self, depth: int) -> str:
        if self.macros and self.chance(0.7):
            return self.call()
        name, frame = f"m{len(self.macros)}", self.chance(0.3)
        self.macros.append((name, frame))
        body = self.block(depth + 2, False) + "{{ z }}" + ("[{{ caller() }}]" if frame else "")
        return "{% macro " + name + "(y, z=1) %}" + body + "{{ y }}{% endmacro %}" + self.call()

    def call(self) -> str:
        name, frame = self.random.choice(self.macros)
        called = f"{name}({self.expression()}, z={self.expression()})"
        if frame:
            return "{% call " + called + " %}" + self.block(2, False) + "{% endcall %}"
        if self.chance(0.2):
            return "{% set " + self.variable() + " = " + called + " %}"
        return "{{ " + called + " }}"

    def rare(self, depth: int) -> str:
        inner = self.block(depth + 1, False)
        return self.random.choice(
            [
                lambda: "{% with " + self.variable() + " = " + self.expression() + " %}" + inner + "{% endwith %}",
                lambda: "{% filter upper %}" + inner + "{% endfilter %}",
                lambda: "{% set " + self.variable() + " %}" + inner + "{% endset %}",
                lambda: "{% set " + self.variable() + " | upper %}" + inner + "{% endset %}",
                lambda: "{% include 'parts/inc.html.j2' %}",
                lambda: "{% include 'parts/inc.j2' %}",
                lambda: "{% autoescape false %}" + inner + "{% endautoescape %}",
                lambda: "{% set ns = namespace(t=0) %}{% for q in "
                + self.over()
                + " %}{% set ns.t = ns.t + 1 %}{% endfor %}{{ ns.t }}",
                lambda: "{{ lib.button(" + self.expression() + ", 'Go') }}",
                lambda: "{% set p, q = " + self.pick("1, 2", "customer.n, 2", "[customer.n, 'b']") + " %}{{ p }}{{ q }}",
                lambda: "{%- if customer.vip -%} {{ customer.name }} {%- endif -%}",
            ]
        )()


_LIBRARY = "{% set color = 'red' %}{% macro button(url, text='x') %}<a href='{{ url }}' style='color: {{ color }}'>{{ text }}</a>{% endmacro %}"


def _with_library(text: str) -> str:
    return "{% import 'parts/lib.html.j2' as lib %}" + text if "lib." in text else text


def mail(random: Random) -> MailTemplate:
    """A random mail. Raises Fault or TemplateSyntaxError for what is not Jinja."""
    writer = _Writer(random)
    lib = "{% import 'parts/lib.html.j2' as lib %}"
    files = {f"{NAME}/subject.j2": _with_library(writer.block(1, False))}
    files["parts/lib.html.j2"] = _LIBRARY
    for part in ("parts/inc.html.j2", "parts/inc.j2"):
        files[part] = _with_library(writer.block(2, False)).replace("{% include 'parts/inc.html.j2' %}", "").replace("{% include 'parts/inc.j2' %}", "")
    if random.random() < 0.4:
        blocks = "{% block x %}" + writer.block(1, False) + "{% endblock %}" + writer.block(1, False)
        files["layouts/base.html.j2"] = lib + "P" + writer.block(1, False) + blocks + "{% block y %}y {{ customer.name }}{% endblock %}"
        sets = "".join("{% set " + writer.pick(*writer.variables) + " = " + writer.expression() + " %}" for _ in range(random.randrange(3)))
        above = "{{ super() }}" if random.random() < 0.5 else ""
        body = "{% extends 'layouts/base.html.j2' %}" + lib + sets + "{% block x %}" + above + writer.block(0, False) + "{% endblock %}"
    else:
        body = _with_library(writer.block(0) + writer.block(0) + writer.block(0))
    files[f"{NAME}/body.html.j2"] = body
    if random.random() < 0.7:  # otherwise the text is made of the HTML, which takes longer
        files[f"{NAME}/body.txt.j2"] = body
    sources = Sources({f"templates/{path}": text for path, text in files.items()})
    return MailTemplate(NAME, sources.subset(closure(NAME, sources)))
