"""A mail's shell and holes: what is shared, what is a customer's own, and that together they are plain Jinja's mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from benchmarks.render import promo
from benchmarks.render import values as promo_values
from crm_store.content.sources import Sources
from outreach.rendering.environment import FILTERS, MAX_CHARACTERS, READS
from outreach.rendering.mail import MailTemplate, closure, mail_names
from outreach.rendering.splitting.pieces import MOST_HOLES
from outreach.rendering.splitting.program import Odd, Program, split
from outreach.rendering.splitting.scopes import NotSplit
from outreach.rendering.splitting.verbs import VERBS
from tests.outreach.rendering.mails import VALUES, mail
from tests.outreach.rendering.splitting.random_mails import HOSTILE
from tests.outreach.rendering.splitting.same import FAILS, filled, plain
from tests.test_shape import ROOT

LONG = "a text that is long enough to stay in the shell"


def full(customer: Mapping[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    """All names that a mail may use."""
    links = {"unsubscribe": "https://x.example/u/1?a=1&b=2", "preferences": "https://x.example/p/1"}
    offer = {**VALUES["offer"], "benefit": "15%"}
    company = {"name": "Shop & Co", "address": "1 Road", "currency": "USD"}
    shared = {"campaign": {"name": "c", "title": "Spring", "topic": "offers"}, "company": company}
    return {
        **VALUES,
        **shared,
        "links": links,
        "offer": offer,
        "customer": {**VALUES["customer"], **(customer or {})},
        **others,
    }


def of(body: str, subject: str = "Hello", **others: str) -> tuple[MailTemplate, Program]:
    made = mail(body, subject, **others)
    return made, split(made, full())


def repository() -> list[MailTemplate]:
    files = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in (ROOT / "templates").rglob("*.j2")}
    sources = Sources(files)
    return [MailTemplate(name, sources.subset(closure(name, sources))) for name in mail_names(sources)]


@pytest.mark.parametrize("template", repository(), ids=lambda template: template.name)
def test_every_mail_of_the_repository_is_the_same_with_holes_for_every_hostile_value(template: MailTemplate) -> None:
    program = split(template, full())
    by_themselves = 0
    for value in [*HOSTILE, program.mark, f"{program.mark}{program.mark}", "x" * MAX_CHARACTERS]:
        links = {"unsubscribe": f"https://x.example/{value}", "preferences": str(value)}
        values = full(
            {"first_name": value}, links=links, offer={"code": value or "-", "benefit": "5%", "valid_until": None}
        )
        given = filled(program, values)
        assert given is None or given == plain(template, values)
        by_themselves += given is None
    assert by_themselves == sum("\r" in (value or "") for value in HOSTILE) + 3


def test_the_mail_that_is_measured_is_the_same_with_holes() -> None:
    template, batch = promo(), [promo_values(number) for number in range(100)]
    program = split(template, batch[0])
    assert [filled(program, one) for one in batch] == [plain(template, one) for one in batch]
    assert len(program.said(batch[0]).holes) >= 24


def test_a_shell_has_what_all_mails_share_and_holes_the_rest() -> None:
    body = f"<p>{LONG} {{{{ company.name }}}}: {{{{ customer.first_name }}}}</p>{LONG}<b>{{{{ offer.code }}}}</b>."
    _, program = of(body)
    assert program.shell.html.pieces == (f"<p>{LONG} Shop &amp; Co: ", f"</p>{LONG}<b>", "</b>.\n")
    said = program.said(full({"first_name": "<Ann>"}))
    assert said.holes == ("<Ann>\n\n", "7Q4ZK-M2XHD", "&lt;Ann&gt;", "7Q4ZK-M2XHD")
    assert said.shell is program.shell


def test_loops_layouts_macros_and_parts_that_all_share_leave_no_hole() -> None:
    layout = (
        "{% import 'parts/m.html.j2' as m %}<h1>{% block title %}{% endblock %}</h1>{{ m.b(1) }}{% include 'parts/f.j2' %}"
    )
    body = (
        "{% extends 'layouts/l.html.j2' %}{% block title %}{% for x in [1, 2] %}{{ loop.index }}{% endfor %}{% endblock %}"
    )
    macro = "{% macro b(n) %}<i>{{ n }}</i>{% endmacro %}"
    _, program = of(body, layouts__l_html_j2=layout, parts__m_html_j2=macro, **{"parts__f.j2": "{{ company.name }}"})
    assert program.shell.html.pieces == ("<h1>12</h1><i>1</i>Shop & Co\n",)
    assert (program.said(full()).holes, program.shell.subject.pieces) == ((), ("Hello",))


def test_a_subject_is_one_hole_if_there_is_any() -> None:
    made, program = of("<p>x</p>", f"{LONG} {{{{ customer.first_name }}}} {LONG} {{{{ offer.code }}}}")
    values = full({"first_name": "A\n\n"})
    assert program.shell.subject.pieces == ("", "")
    assert filled(program, values) == plain(made, values)


BORDERS = {
    "blank lines around a hole": "one\n\n{{ customer.first_name }}\n\ntwo",
    "a condition that leaves lines": "one\n\n{% if customer.vip %}\n{{ customer.first_name }}\n{% endif %}\n\ntwo\n",
    "a hole at the beginning": "\n{{ customer.first_name }}\n" + LONG,
    "a hole at the end": LONG + " {{ customer.first_name }}\n\n",
    "a loop at the end": LONG + "\n{% for tag in customer.tags %}\n{{ tag }}\n{% endfor %}",
    "holes only": "{{ customer.first_name }}{{ customer.last_name or '' }}",
    "holes with line ends between": "{{ customer.first_name }}\n\n\n{{ customer.last_name or '' }}\n\n\n\n" + LONG,
    "white space at the end": LONG + "{{ customer.first_name }} \t\n \u00a0 ",
}


@pytest.mark.parametrize("text", BORDERS.values(), ids=BORDERS)
@pytest.mark.parametrize("value", ["Ann", "", "\n", "\n\n\n", "\n\na\n\n\n\nb\n", " ", "a  "])
def test_lines_are_put_in_order_across_the_borders_of_holes(text: str, value: str) -> None:
    made = mail(f"<pre>{text}</pre>" if value else text, hello__body_txt_j2=text)
    program = split(made, full())
    for tags in ([], ["x", "\n"], ["\n\n", ""]):
        values = full({"first_name": value, "vip": not tags, "tags": tags, "last_name": value})
        given = filled(program, values)
        assert given is None or given == plain(made, values)


def test_a_line_at_the_end_that_may_be_missing_stays_in_the_holes() -> None:
    made, program = of(LONG + "{% if customer.vip %} P.S. {{ customer.first_name }}{% endif %}\n")
    for vip in (True, False):
        values = full({"vip": vip})
        assert filled(program, values) == plain(made, values) is not None


def test_holes_that_say_the_same_are_one() -> None:
    link = f'<p>{LONG}</p><a href="https://x.example/{{{{ customer.first_name }}}}">{LONG}</a>'
    made, program = of(f"{link * 9}<p>{LONG}</p>")
    assert program.shell.html.holes[1:-1] == (program.shell.html.holes[1],) * 7
    assert filled(program, full()) == plain(made, full())


def test_texts_around_a_value_are_not_in_its_hole() -> None:
    body = "{% set url = 'https://x.example/?a=1&b=' ~ customer.first_name %}" + f'<a href="{{{{ url }}}}">{LONG}</a>'
    made, program = of(body)
    values = full({"first_name": "<Ann>"})
    assert program.shell.html.pieces[0] == '<a href="https://x.example/?a=1&amp;b='
    assert "&lt;Ann&gt;" in program.said(values).holes
    assert filled(program, values) == plain(made, values)


def test_a_value_that_is_set_and_fails_fails_though_nobody_prints_it() -> None:
    made, program = of("{% set rest = 1 / customer.left %}<p>{{ customer.first_name }}</p>")
    for left in (0, 1):
        assert (
            (filled(program, full({"left": left})) is None) == (plain(made, full({"left": left})) == FAILS) == (left == 0)
        )


def test_many_holes_become_fewer() -> None:
    different = (f"<p>{LONG} {number} {{{{ customer.first_name | center({number}) }}}}</p>" for number in range(100))
    made, program = of("".join(different))
    assert MOST_HOLES / 2 < len(program.said(full()).holes) <= MOST_HOLES
    assert filled(program, full()) == plain(made, full())


def test_a_mail_that_is_too_long_is_left_to_plain_jinja() -> None:
    _, program = of("{% for tag in customer.tags %}{{ tag }}{% endfor %}")
    with pytest.raises(Odd):
        of("{{ customer.first_name }}")[1].said(full({"first_name": "x" * MAX_CHARACTERS}))
    assert filled(program, full({"tags": ["x" * 1_000] * 2_000})) is None


REFUSED = {
    "{% set customer = 1 %}": "`customer` is a name of all mails",
    "\n{{ [1, 2] | random }}": "`random` gives something else each time",
    "{{ ['a'] | map('random') | list }}": "`random` gives something else each time",
    "{{ lipsum() }}": "`lipsum` is not understood here",
    "{% for x in [1, 2] %}{{ loop.changed(x) }}{% endfor %}": "`.changed` remembers",
    "{% for x in [1] recursive %}{{ x }}{% endfor %}": "a recursive loop",
    "{{ self.a() }}{% block a %}{% endblock %}": "`self` is not understood here",
    "{% set xs = [1] | map('string') %}{{ xs | list }}": "a value that can be used once only",
    "{% if customer.vip %}{% macro m() %}{% endmacro %}{% endif %}": "a macro in a loop, under a condition",
    "{% if customer.vip %}{% import 'parts/m.html.j2' as m %}{% endif %}": "an import in a loop or under a condition",
    "{% macro m(a) %}{% endmacro %}{{ m() }}": "a macro is not called with just the values it names",
    "{% macro m() %}{% endmacro %}{{ m() ~ 'x' }}": "`m` can't be used as a value here",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}": "there is too much to unroll",
    "{% for a in range(900) %}{% for b in range(900) %}{{ customer.vip }}{% endfor %}{% endfor %}": "there is too much",
    "{{ company.nothing }}": "fails for every mail",
    "{% autoescape customer.vip %}x{% endautoescape %}": "`autoescape` that is not simply true or false",
    "{% import 'parts/m.html.j2' as m %}{{ m.dear(1) }}": "in a file that is imported without `with context`",
    "a{{ '\\r' }}b": "it writes line ends of its own",
}


@pytest.mark.parametrize(("body", "why"), REFUSED.items())
def test_what_is_not_understood_is_refused_with_its_line(body: str, why: str) -> None:
    made = mail(body, parts__m_html_j2="{% macro dear(n) %}{{ n | money }}{% endmacro %}")
    with pytest.raises(NotSplit) as refused:
        split(made, full())
    line = 2 if body.startswith("\n") else 1
    assert why in refused.value.fault.what
    assert refused.value.fault.place.line == line


def test_names_set_by_two_files_are_refused_where_one_reads_them_first() -> None:
    layout = "{% for x in [1] %}{{ a }}{% endfor %}{% set a = 2 %}{% block b %}{% endblock %}"
    made = mail("{% extends 'layouts/l.html.j2' %}{% set a = 1 %}", layouts__l_html_j2=layout)
    with pytest.raises(NotSplit, match="`a` is set in several files"):
        split(made, full())


def test_every_filter_says_which_values_of_a_mail_it_reads() -> None:
    class Watched(dict[str, Any]):
        read: set[str]

        def __getitem__(self, name: str) -> Any:
            self.read.add(name)
            return super().__getitem__(name)

    given = {"money": 1, "date": "2026-06-15T22:30:00+00:00", "moment": "2026-06-15T22:30:00+00:00", "percent": 1}
    assert FILTERS.keys() == READS.keys() == given.keys()
    for name, use in FILTERS.items():
        watched = Watched(full())
        watched.read = set()
        use(watched, given[name])
        assert watched.read == set(READS[name]), name


def test_every_kind_of_statement_that_is_understood_is_tried_by_the_random_mails() -> None:
    source = (ROOT / "tests/outreach/rendering/splitting/random_mails.py").read_text()
    words = {
        "Output": "{{ ",
        "FilterBlock": "{% filter",
        "ScopedEvalContextModifier": "{% autoescape",
        "Scope": "{% autoescape",
        "Assign": "{% set ",
        "AssignBlock": "{% endset",
        "With": "{% with",
        "If": "{% if",
        "For": "{% for",
        "Block": "{% block",
        "Include": "{% include",
        "Import": "{% import",
        "FromImport": "{% from",
        "Macro": "{% macro",
        "CallBlock": "{% call",
    }
    assert {kind.__name__ for kind in VERBS} == words.keys()
    assert [name for name, word in words.items() if word not in source] == []


READ = (
    "{{ customer.city or 'nowhere' }}{% if event %}, {{ event.amount or '-' }}{% endif %}",
    "{% if customer.items %}a method{% endif %}{{ customer['city'] or '-' }}",
    "{% if customer.shoes is defined %}shoes{% endif %}{{ customer.city | default('-') }}",
    "{{ customer.address.street or '-' }}{% for one in customer.tags or [] %}{{ one }}{% endfor %}",
    "{{ event.amount or '-' }}",
    "{{ (event or customer).city }}",
)


@pytest.mark.parametrize("body", READ)
def test_what_is_read_by_a_name_of_its_own_is_what_the_template_reads(body: str) -> None:
    template, program = of(f"<p>{LONG} {body}</p>")
    address, mails = {"street": "<Main>"}, []
    for customer in ({}, {"city": None}, {"city": "O'Fallon", "items": "", "tags": [1, "<b>"], "address": address}):
        mails += [full(customer), full(customer, event=None), full(customer, event={"kind": "order", "amount": "1.50"})]
    for values in mails:
        assert filled(program, values) in (plain(template, values), None)
    assert any(filled(program, values) is not None for values in mails)


def test_a_mail_without_the_event_that_others_have_still_has_holes() -> None:
    template, program = of(f"<p>{LONG} {{% if event %}}{{{{ event.kind }}}}{{% endif %}}{{{{ customer.first_name }}}}</p>")
    values = full(event=None)
    assert filled(program, values) == plain(template, values)
