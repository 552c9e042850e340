"""The text part is made from the HTML, Jinja included, unless a body.txt.j2 is given."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.outreach.rendering.mails import STYLE, VALUES, mail, rendered
from tests.outreach.rendering.test_css import bodies


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h1>Big {{ customer.first_name }}</h1><p>small</p>", "Big Ann\n\nsmall\n"),
        ('<a href="{{ links.unsubscribe }}">Leave</a>', "Leave <https://mail.example.com/u/token?a=1&b=2>\n"),
        ('<a href="https://x.example/a_(b)?c=1&amp;d=%5C">x</a>', "x <https://x.example/a_(b)?c=1&d=%5C>\n"),
        ("<a class='b' href='https://x.example' title='a > b'>x</a>", "x <https://x.example>\n"),
        ('<a href="https://x.example/{{ customer.first_name }}"><img src="y"></a>', "<https://x.example/Ann>\n"),
        ('<a href="#top">up</a> <a name="top"></a>', "up\n"),
        ('{% if customer.vip %}<a href="https://a.example">a</a>{% else %}b{% endif %}', "a <https://a.example>\n"),
        ("<ul>{% for tag in customer.tags %}<li>{{ tag }}</li>{% endfor %}</ul>", "  * new\n  * local\n"),
        ("<table><tr><td>one</td><td>two</td></tr><tr><td>three</td></tr></table>", "one two\nthree\n"),
        ("<p>one<br>two</p>", "one\ntwo\n"),
        ("<p>1. one - two</p><p>- three + four</p><p># five</p>", "1. one - two\n\n- three + four\n\n# five\n"),
        (r"<p>C:\{{ customer.first_name }} \_ \. *star* [a](b)</p>", "C:\\Ann \\_ \\. *star* [a](b)\n"),
        ("<p>&euro;&nbsp;5 &lt;b&gt; &amp;</p>", "€\xa05 <b> &\n"),
        ("<b>bold</b> <i>{{ customer.first_name }}</i>", "bold Ann\n"),
        ('<div class="preheader">hidden {{ customer.first_name }}</div><p>seen</p>', "seen\n"),
        (STYLE + "<p>x</p><!-- no --><script>var a</script>{# no #}", "x\n"),
        ("<p>{% if customer.nobody %}a{% else %}b{% endif %}</p>\n\n\n<p>c</p>", "b\n\nc\n"),
        ("<p>Ann{#- glued -#} !</p>", "Ann!\n"),
    ],
)
def test_html_becomes_plain_text(html: str, text: str) -> None:
    assert rendered(html).text == text


def test_layouts_and_parts_become_text_with_the_mail() -> None:
    layout = "<h2>{{ company.name }}</h2>{% block content %}{% endblock %}{% include 'parts/foot.html.j2' %}"
    body = '{% extends "layouts/base.html.j2" %}{% block content %}<p>Hi {{ customer.first_name }}</p>{% endblock %}'
    text = rendered(body, layouts__base_html_j2=layout, parts__foot_html_j2="<p>bye</p>").text
    assert text == "Shop\n\nHi Ann\n\nbye\n"


def test_a_part_that_is_not_html_can_be_included() -> None:
    made = rendered("<p>Hi</p>{% include 'parts/foot.j2' %}", **{"parts__foot.j2": "bye {{ customer.first_name }}"})
    assert (made.html, made.text) == ("<p>Hi</p>bye Ann\n", "Hi\n\nbye Ann\n")


def test_a_given_text_wins_and_its_lines_stay() -> None:
    given = "Dear {{ customer.first_name }},\n\n  1) keep this\n{% if customer.vip %}\nvip\n{% endif %}\n-- \nShop"
    made = rendered("<p>other</p>", hello__body_txt_j2=given)
    assert made.text == "Dear Ann,\n\n  1) keep this\nvip\n-- \nShop\n"


def test_nothing_is_escaped_in_text() -> None:
    values = {**VALUES, "customer": {"first_name": "<b>&\"'"}}
    made = mail("<p>{{ customer.first_name }}</p>").render(values)
    assert (made.html, made.text) == ("<p>&lt;b&gt;&amp;&#34;&#39;</p>\n", "<b>&\"'\n")


@given(bodies)
def test_every_value_of_the_html_is_in_the_text(body: str) -> None:
    made = rendered(STYLE + body)
    visible = "<p>{{ customer.first_name }}</p>"
    assert "Ann" in rendered(STYLE + body + visible).text
    assert ("bold" in made.text, "words & more" in made.text) == ("<b>bold" in made.html, "words &amp; more" in made.html)
    assert (VALUES["links"]["unsubscribe"] in made.text) == (">leave</a>" in made.html)
