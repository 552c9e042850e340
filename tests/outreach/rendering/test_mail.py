"""A mail is a subject of one line, an HTML part and a text part; what can't be one is a fault with its place."""

from __future__ import annotations

import pytest

from crm_store.content.faults import Fault
from crm_store.content.sources import Sources
from outreach.rendering.environment import RENDER_ERRORS
from outreach.rendering.mail import MailTemplate, closure, mail_names
from tests.outreach.rendering.mails import VALUES, mail, rendered, sources


def test_a_subject_is_one_line_and_not_escaped() -> None:
    values = {**VALUES, "customer": {"first_name": "A\r\nBcc: x@example.com\t<&>"}}
    made = mail("<p>x</p>", "\n {{ customer.first_name }}  and\n\n more \n").render(values)
    assert made.subject == "A Bcc: x@example.com <&> and more"


def test_all_parts_see_the_same_values() -> None:
    made = rendered("<p>{{ offer.code }}</p>", "{{ offer.code }}")
    assert (made.subject, made.html, made.text) == ("7Q4ZK-M2XHD", "<p>7Q4ZK-M2XHD</p>\n", "7Q4ZK-M2XHD\n")


@pytest.mark.parametrize("part", ["subject", "body"])
def test_a_broken_value_fails_the_whole_mail(part: str) -> None:
    broken = "{{ customer.nobody }}"
    made = mail(broken if part == "body" else "x", broken if part == "subject" else "x")
    with pytest.raises(RENDER_ERRORS):
        made.render(VALUES)


def test_lines_end_in_one_way_and_the_last_one_too() -> None:
    values = {**VALUES, "customer": {"first_name": "one\r\ntwo\rthree"}}
    made = mail("<pre>{{ customer.first_name }}</pre>\n\n", "x").render(values)
    assert made.html == "<pre>one\ntwo\nthree</pre>\n"
    assert "\r" not in made.text


def test_rendering_twice_gives_the_same() -> None:
    template = mail("{% for tag in customer.tags %}<p>{{ tag }} {{ loop.index }}</p>{% endfor %}")
    assert template.render(VALUES) == template.render(VALUES)


def test_a_closure_is_everything_the_mail_is_made_of_and_nothing_else() -> None:
    files = sources(
        "{% extends 'layouts/base.html.j2' %}{% import 'parts/macros.html.j2' as m %}",
        "{% include 'parts/greeting.j2' %}",
        layouts__base_html_j2="{% include 'parts/foot.html.j2' %}",
        parts__foot_html_j2="foot",
        parts__macros_html_j2="{% macro x() %}{% endmacro %}",
        parts__other_html_j2="other",
        **{"parts__greeting.j2": "Hi"},
    )
    assert {path.removeprefix("templates/") for path in closure("hello", files)} == {
        "hello/subject.j2",
        "hello/body.html.j2",
        "layouts/base.html.j2",
        "parts/foot.html.j2",
        "parts/macros.html.j2",
        "parts/greeting.j2",
    }


def test_templates_that_use_each_other_have_a_closure() -> None:
    files = sources("{% include 'parts/a.html.j2' %}", parts__a_html_j2="{% include 'hello/body.html.j2' %}")
    assert len(closure("hello", files)) == 3


def test_a_name_that_is_never_reached_is_read_all_the_same() -> None:
    assert rendered("<p>{{ 'x' or company.name }}</p>").html == "<p>x</p>\n"
    files = sources("{{ 'x' or company.name }}")
    assert closure("hello", files) == set(files.files)


FAULTS = {
    "line\n{% if %}": "2: not Jinja: Expected an expression",
    "\n\n{{ 'x' | mony }}": "3: filter 'mony' is not known; did you mean 'money'?",
    "{% if 1 is evn %}{% endif %}": "1: test 'evn' is not known; did you mean 'even'?",
    "{% if customer.vip %}\n{{ 1 | mony }}{% endif %}": "2: filter 'mony' is not known",
    "{% block a %}{% endblock %}\n{% block a %}{% endblock %}": "2: not Jinja: block 'a' defined twice",
    "\n{% include 'parts/fot.html.j2' %}": "2: template 'templates/parts/fot.html.j2' is not there; did you mean",
    "{% extends 'layouts/x.html.j2' %}": "1: template 'templates/layouts/x.html.j2' is not there",
    "x\n{% include customer.first_name %}": "2: extends, include and import must name their template as a text",
    "{% include ['a', 'b'] %}": "1: extends, include and import must name their template as a text",
}


@pytest.mark.parametrize(("body", "fault"), FAULTS.items())
def test_what_is_wrong_with_a_template_is_said_with_its_line(body: str, fault: str) -> None:
    files = sources(body, parts__foot_html_j2="foot")
    with pytest.raises(Fault) as raised:
        MailTemplate("hello", files.subset(closure("hello", files)))
    assert str(raised.value).startswith(f"templates/hello/body.html.j2:{fault}")


def test_a_mail_without_a_subject_is_a_fault() -> None:
    files = Sources({"templates/hello/body.html.j2": "<p>x</p>"})
    with pytest.raises(Fault, match=r"^templates/hello:1: template 'templates/hello/subject.j2' is not there"):
        closure("hello", files)


def test_jinja_that_preparing_the_html_would_break_is_a_fault_before_it_is_sent() -> None:
    split_by_style = "{% if customer.vip %}<style>p { color: red }{% endif %}</style><p>x</p>"
    with pytest.raises(Fault, match=r"^templates/hello/body.html.j2:1: can't be prepared: .*; let blocks and ifs begin"):
        mail(split_by_style)


def test_mails_are_the_folders_with_a_body_however_deep() -> None:
    files = Sources({f"templates/{name}": "" for name in ("a/body.html.j2", "b/c/body.html.j2", "layouts/base.html.j2")})
    assert mail_names(files) == ["a", "b/c"]
