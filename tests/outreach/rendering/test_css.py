"""CSS is written into the tags once, when a mail is loaded; everything else of the HTML stays as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.content.faults import Fault
from outreach.rendering.environment import environment
from outreach.rendering.prepare import inline_css
from tests.outreach.rendering.mails import STYLE, VALUES, mail, rendered, seen

ENV = environment({})
INSIDE = [
    "words & more",
    "<b>bold</b>",
    "{{ customer.first_name }}",
    '<a href="{{ links.unsubscribe }}">leave</a>',
    '<i title="for {{ customer.first_name }}">x</i>',
    "<i {% if customer.vip %}class='vip'{% endif %}>vip</i>",
    '<i title="a > b {{ customer.first_name }}">x</i>',
    "{% if customer.vip %}<b>yes</b>{% else %}no{% endif %}",
    "{# a note #}",
    "<!-- {{ customer.first_name }} -->",
    "<br>",
    "{% raw %}{{ raw }}{% endraw %}",
    "{{ '<' }}",
]
AROUND = [
    "<p>%s</p>",
    "<div class='note'>%s</div>",
    "<ul>{%% for tag in customer.tags %%}<li>{{ tag }} %s</li>{%% endfor %%}</ul>",
    "<table><tr><td>{{ event.amount }}</td></tr>{%% for tag in customer.tags %%}<tr><td>%s</td></tr>{%% endfor %%}</table>",
    "{%% if customer.vip %%}<p>%s</p>{%% endif %%}",
    "<!--[if mso]><table><tr><td>{{ customer.first_name }}<![endif]--><p>%s</p><!--[if mso]></td></tr></table><![endif]-->",
]
inside = st.lists(st.sampled_from(INSIDE), max_size=4).map(" ".join)
bodies = st.lists(st.builds(lambda around, text: around % text, st.sampled_from(AROUND), inside), max_size=4).map("\n".join)


@given(bodies)
def test_inlining_changes_nothing_but_styles(body: str) -> None:
    source = STYLE + body
    prepared = inline_css(ENV, {"hello/body.html.j2": source})["hello/body.html.j2"]
    assert seen(ENV.from_string(prepared).render(VALUES)) == seen(ENV.from_string(source).render(VALUES))


@given(bodies)
def test_inlining_reaches_every_tag_that_a_rule_names(body: str) -> None:
    html = rendered(STYLE + body).html
    assert html.count('<p style="color: red;"') == html.count("<p")


def test_css_is_inlined_when_the_mail_is_loaded_not_for_each_mail() -> None:
    source = inline_css(ENV, {"a.html.j2": STYLE + "{% for tag in customer.tags %}<p>{{ tag }}</p>{% endfor %}"})[
        "a.html.j2"
    ]
    assert '{% for tag in customer.tags %}<p style="color: red;">{{ tag }}</p>{% endfor %}' in source


def test_a_layouts_style_reaches_the_mails_that_extend_it() -> None:
    layout = f"<html><head>{STYLE}</head><body>{{% block content %}}{{% endblock %}}</body></html>"
    body = '{% extends "layouts/base.html.j2" %}{% block content %}<p>{{ customer.first_name }}</p>{% endblock %}'
    html = rendered(body, layouts__base_html_j2=layout).html
    assert '<p style="color: red;">Ann</p>' in html


def test_what_cannot_be_inlined_stays_in_the_head() -> None:
    html = rendered(f"<html><head>{STYLE}</head><body><p>x</p></body></html>").html
    assert "@media (max-width: 480px) { p { color: blue } }" in html
    assert "a:hover { color: green }" in html


def test_a_title_with_jinja_stays_text() -> None:
    html = rendered(f"<html><head><title>For {{{{ customer.first_name }}}}</title>{STYLE}</head><body></body></html>").html
    assert "<title>For Ann</title>" in html


def test_html_without_a_style_sheet_is_left_as_it_is() -> None:
    broken = "<div><p>{{ customer.first_name }}"
    assert rendered(broken).html == "<div><p>Ann\n"


@pytest.mark.parametrize(
    "broken",
    [
        "<tr><td>a row without its table</td></tr>",
        "{% if customer.vip %}<div class='a'>{% else %}<div class='b'>{% endif %}text</div>",
        "<div><p>never closed</p>",
        "<p>closed twice</p></div>",
        "<p><div>a block in a paragraph</div></p>",
    ],
)
def test_html_that_is_not_well_nested_is_a_fault_with_its_file(broken: str) -> None:
    with pytest.raises(
        Fault, match=r"^templates/hello/body.html.j2:1: CSS can't be inlined here: the HTML is not well nested"
    ):
        mail(STYLE + broken)


@pytest.mark.parametrize("usual", ["<ul><li>one<li>two</ul>", "<p>one<p>two", "<br/><img src='x'>", "<td-x>own</td-x>"])
def test_ends_that_html_lets_one_leave_out_may_be_left_out(usual: str) -> None:
    assert seen(rendered(STYLE + usual).html)[1:] == seen(usual)


def test_a_fault_names_the_part_that_is_broken() -> None:
    with pytest.raises(Fault, match=r"^templates/parts/row.html.j2:1: "):
        mail(STYLE + '{% include "parts/row.html.j2" %}', parts__row_html_j2="<tr><td>x</td></tr>")
