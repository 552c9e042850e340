"""Templates are strict, sandboxed, limited, and write amounts and dates as the customer's locale does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from babel.numbers import format_currency
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateRuntimeError, UndefinedError
from jinja2.exceptions import SecurityError

from outreach.rendering.environment import RENDER_ERRORS, MissingValue, _written_money, environment, readable, render
from tests.outreach.rendering.mails import VALUES


def written(source: str, **values: Any) -> str:
    """What a template gives, as part of an HTML mail."""
    return render(environment({"a.html.j2": source}).get_template("a.html.j2"), readable({**VALUES, **values}))


@pytest.mark.parametrize(
    "source", ["{{ missing }}", "{{ customer.missing }}", "{{ missing.deep }}", "{% if missing %}{% endif %}"]
)
def test_a_name_that_is_not_there_is_an_error(source: str) -> None:
    with pytest.raises(UndefinedError):
        written(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ customer.nobody }}",
        "{{ customer.nobody | safe }}",
        "{{ customer.nobody | title }}",
        "{{ customer.nobody | e }}",
        "{{ 'Dear ' ~ customer.nobody }}",
        "{{ 'Dear ' + customer.nobody }}",
        "{{ 'Dear %s' % customer.nobody }}",
        "{{ 'Dear %s' | format(customer.nobody) }}",
        "{{ 'Dear {}'.format(customer.nobody) }}",
        "{{ [customer.nobody] | join }}",
        "{{ customer.nobody | money }}",
        "{{ customer.nobody | date }}",
        "{{ customer.nobody.deeper }}",
        "{% for one in customer.nobody %}{% endfor %}",
        "{% set name = customer.nobody %}{{ name }}",
    ],
)
def test_a_missing_value_never_becomes_the_word_none(source: str) -> None:
    with pytest.raises(
        MissingValue, match=r"'customer.nobody' has no value here; write e.g. {{ customer.nobody or 'there' }}"
    ):
        written(source)


def test_a_none_that_a_template_makes_itself_is_not_printed_either() -> None:
    with pytest.raises(MissingValue):
        written("{{ {}.get('x') }}")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ customer.nobody or 'there' }}", "there"),
        ("{{ customer.nobody | default('there') }}", "there"),
        ("{{ 'here' if customer.nobody else 'there' }}", "there"),
        ("{{ customer.nobody is none }} {{ customer.vip is none }} {{ none is none }}", "True False True"),
        ("{{ customer.nobody == none }} {{ customer.nobody != none }} {{ customer.nobody == 'x' }}", "True False False"),
        ("{% for one in customer.nobody or [] %}{% else %}nobody{% endfor %}", "nobody"),
        ("{{ '5' | money(customer.nobody) }}", "$5.00"),
    ],
)
def test_a_missing_value_can_be_asked_for(source: str, said: str) -> None:
    assert written(source) == said


@given(st.text(alphabet="<>&\"'abc é"))
def test_values_are_escaped_in_html(hostile: str) -> None:
    from html import unescape

    shown = written("{{ name }}", name=hostile)
    assert not set("<>\"'") & set(shown)
    assert unescape(shown) == hostile


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ customer.__init__ }}",
        "{{ customer.tags.append.__self__ }}",
        "{{ range.__globals__ }}",
        "{{ '%s' | format(customer.__class__) }}",
        "{{ '{0.__class__}'.format(customer) }}",
        "{{ '{a.__class__}'.format_map({'a': customer}) }}",
        "{{ self.__init__ }}",
        "{{ cycler.__init__.__globals__ }}",
    ],
)
def test_nothing_but_values_can_be_reached(source: str) -> None:
    with pytest.raises((SecurityError, UndefinedError)):
        written(source)


@pytest.mark.parametrize(
    "source", ["{{ customer.tags.append('x') }}", "{{ customer.update({'a': 1}) }}", "{{ customer.pop('vip') }}"]
)
def test_values_cannot_be_changed(source: str) -> None:
    with pytest.raises(SecurityError):
        written(source)


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(1001) %}x{% endfor %}",
        "{{ range(0, 100000, 2) | length }}",
        "{{ 'x' * 1000001 }}",
        "{{ 1000001 * 'x' }}",
        "{{ customer.tags * 1000000 }}",
        "{{ 9 ** 9 }}",
        "{% for i in range(1000) %}{{ 'x' * 1001 }}{% endfor %}",
    ],
)
def test_a_template_that_makes_too_much_is_stopped(source: str) -> None:
    with pytest.raises(TemplateRuntimeError, match=r"longer than|too much"):
        written(source)


def test_what_a_mail_needs_is_allowed() -> None:
    assert written("{{ '-' * 20 }}{{ 3 * 4 }}{% for i in range(3) %}{{ i }}{% endfor %}") == "-" * 20 + "12012"


def test_a_template_that_takes_too_long_is_stopped() -> None:
    template = environment({"a": "{% for i in range(1000) %}{% for j in range(1000) %}{{ '' }}{% endfor %}{% endfor %}"})
    with pytest.raises(TemplateRuntimeError, match=r"takes longer than 0.05 s"):
        render(template.get_template("a"), {}, seconds=0.05)


def test_a_template_that_includes_itself_is_an_error_like_others() -> None:
    env = environment({"a": "{% include 'a' %}"})
    with pytest.raises(RENDER_ERRORS):
        render(env.get_template("a"), {})


@pytest.mark.parametrize(
    ("source", "locale", "said"),
    [
        ("{{ '1234.5' | money }}", "en_US", "$1,234.50"),
        ("{{ '1234.5' | money('EUR') }}", "en_US", "€1,234.50"),
        ("{{ event.amount | money(event.currency) }}", "de_DE", "1.234,50\xa0€"),
        ("{{ 1234 | money('JPY') }}", "en_GB", "JP¥1,234"),
        ("{{ -5 | money }}", "en_US", "-$5.00"),
        ("{{ 0.15 | percent }}", "en_US", "15%"),
        ("{{ 0.075 | percent }}", "de_DE", "7,5\xa0%"),
        ("{{ '2026-07-01' | date }}", "en_US", "July 1, 2026"),
        ("{{ '2026-07-01' | date }}", "en_GB", "1 July 2026"),
        ("{{ '2026-07-01' | date('short') }}", "de_DE", "01.07.26"),
        ("{{ '--02-29' | date }}", "en_GB", "29 February"),
        ("{{ '2026-07-01' | moment }}", "en_US", "July 1, 2026"),
        ("{{ '--02-29' | moment }}", "en_GB", "29 February"),
        ("{{ '2026-07-01T12:30:00+00:00' | moment }}", "en_US", "July 1, 2026, 2:30\u202fPM"),
        ("{{ '2026-07-01T12:30:00+00:00' | moment('short') }}", "de_DE", "01.07.26, 14:30"),
    ],
)
def test_filters_write_as_the_locale_does(source: str, locale: str, said: str) -> None:
    assert written(source, locale=locale) == said


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Europe/Berlin", "June 16, 2026"), ("UTC", "June 15, 2026"), ("America/New_York", "June 15, 2026")],
)
def test_an_instant_is_written_as_the_customers_own_date(zone: str, day: str) -> None:
    assert written("{{ event.at | date }}", zone=zone) == day


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'x' | money }}",
        "{{ customer.nobody | money }}",
        "{{ 'soon' | date }}",
        "{{ 'soon-or-later' | moment }}",
        "{{ '--13-40' | date }}",
        "{{ 'x' | percent }}",
    ],
)
def test_a_filter_that_gets_something_else_is_an_error_that_quotes_nothing(source: str) -> None:
    with pytest.raises(RENDER_ERRORS) as raised:
        written(source)
    assert "soon" not in str(raised.value)


def test_nothing_is_escaped_in_a_text_environment_and_its_last_line_ends() -> None:
    env = environment({"a.html.j2": "{{ name }}\n"}, of_text=True)
    assert render(env.get_template("a.html.j2"), {"name": "<&>"}) == "<&>\n"


def test_the_same_file_is_compiled_for_text_and_for_html_each_in_its_own_way() -> None:
    files = {"same.html.j2": "{{ name }}"}
    for of_text, said in ((False, "&lt;"), (True, "<"), (False, "&lt;")):
        assert render(environment(files, of_text).get_template("same.html.j2"), {"name": "<"}) == said


def test_a_changed_file_under_the_same_name_is_compiled_anew() -> None:
    for text in ("one", "two"):
        assert render(environment({"x.html.j2": text}).get_template("x.html.j2"), {}) == text


@given(
    amount=st.decimals(-(10**12), 10**12, places=None, allow_nan=False, allow_infinity=False).map(str)
    | st.decimals(0, 10**7, places=2).map(str)
    | st.integers(0, 10**10).map(str),
    currency=st.sampled_from(("USD", "EUR", "JPY", "KWD", "INR", "CHF")),
    locale=st.sampled_from(("en_US", "de_DE", "de_CH", "fr_FR", "hi_IN", "en_IN", "ja_JP", "ar_EG", "es_ES", "pl_PL")),
)
def test_amounts_are_written_as_babel_writes_them(amount: str, currency: str, locale: str) -> None:
    assert _written_money(amount, currency, locale) == format_currency(Decimal(amount), currency, locale=locale)
