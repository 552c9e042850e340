"""Hiding Jinja from HTML tools and putting it back changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.rendering.environment import environment
from outreach.rendering.masking import html_mark, mask_for_html, mask_for_text, split
from tests.outreach.rendering.mails import VALUES

ENV = environment({})
TEXTS = ["plain", " ", "\n", "  \n", "&amp;", "\\", "}", "{ ", "jinja", "é€", "-->", "#", "%"]
TAGS = ["<p>", "</p>", '<a href="x">', "<!-- note -->", "<br>", "<b title='y'>", "<td"]
EXPRESSIONS = ["{{ customer.first_name }}", '{{ "}}" }}', "{{- 1 -}}", '{{ customer["first_name"] | upper }}', "{# note #}"]
RAW = ["{% raw %}{{ not_jinja }}{% endraw %}", '{% set name = "a" %}', "{#- many\nlines -#}"]

pieces = st.lists(st.sampled_from([*TEXTS, *TAGS, *EXPRESSIONS, *RAW]), max_size=12).map("".join)
templates = st.one_of(
    pieces,
    st.builds("{}{{% if customer.vip %}}{}{{% else %}}{}{{% endif %}}{}".format, pieces, pieces, pieces, pieces),
    st.builds("{}{{% for tag in customer.tags -%}}{}{{{{ tag }}}}{{% endfor %}}{}".format, pieces, pieces, pieces),
)


def render(source: str) -> str:
    return ENV.from_string(source).render(VALUES)


@given(templates)
def test_the_pieces_of_a_source_are_the_source(source: str) -> None:
    assert "".join(piece for piece, _ in split(ENV, source)) == source


@given(templates)
def test_pieces_are_jinja_or_they_are_not(source: str) -> None:
    assert not any(mark in piece for piece, is_jinja in split(ENV, source) if not is_jinja for mark in ("{{", "{%", "{#"))


@given(templates)
def test_html_with_its_jinja_put_back_renders_as_before(source: str) -> None:
    masked = mask_for_html(ENV, source)
    assert render(masked.unmask(masked.text, html_mark)) == render(source)


@given(templates)
def test_text_with_its_jinja_put_back_renders_as_before(source: str) -> None:
    masked = mask_for_text(ENV, source)
    assert render(masked.unmask(masked.text)) == render(source)


@given(templates)
def test_nothing_of_jinja_is_left_to_see_for_html_tools(source: str) -> None:
    for text in (mask_for_html(ENV, source).text, mask_for_text(ENV, source).text):
        assert not any(mark in text for mark in ("{{", "{%", "{#"))


@pytest.mark.parametrize(
    ("source", "mark"),
    [
        ("<p>{{ x }}</p>", "<p><!--jinja0x--></p>"),
        ('<p class="{{ x }}">', '<p class="jinja0x">'),
        ("<p {{ x }}>", "<p jinja0x>"),
        ("<title>{{ x }}</title>", "<title>jinja0x</title>"),
        ("<textarea>{{ x }}</textarea>", "<textarea>jinja0x</textarea>"),
        ("<!-- {{ x }} -->", "<!-- jinja0x -->"),
        ("<!--[if mso]><td>{{ x }}<![endif]-->", "<!--[if mso]><td>jinja0x<![endif]-->"),
        ("<!-- a --><p>{{ x }}", "<!-- a --><p><!--jinja0x-->"),
    ],
)
def test_a_mark_is_a_comment_where_comments_may_stand_and_a_word_elsewhere(source: str, mark: str) -> None:
    assert mask_for_html(ENV, source).text == mark


def test_a_serialiser_may_give_a_bare_mark_an_empty_value() -> None:
    masked = mask_for_html(ENV, "<p {{ x }}>")
    assert masked.unmask('<p jinja0x="">', html_mark) == "<p {{ x }}>"


def test_ten_marks_and_more_are_told_apart() -> None:
    source = "".join(f"{{{{ {number} }}}}" for number in range(12))
    masked = mask_for_html(ENV, source)
    assert masked.unmask(masked.text, html_mark) == source
