"""The Jinja environment of all mails: sandboxed, strict, with a few filters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from jinja2 import (
    BaseLoader,
    Environment,
    StrictUndefined,
    Template,
    TemplateNotFound,
    TemplateRuntimeError,
    pass_context,
)
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_CHARACTERS = 1_000_000
MAX_SECONDS = 5.0
MAX_RANGE = 1_000


class _NamedLoader(BaseLoader):
    """Templates from a mapping, under their names in tracebacks too."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.sources = sources

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        if template not in self.sources:
            raise TemplateNotFound(template)
        return self.sources[template], template, lambda: True


def environment(sources: Mapping[str, str], of_text: bool = False) -> ImmutableSandboxedEnvironment:
    """An environment over template sources by path below templates/. `of_text`: nothing is escaped."""
    env = ImmutableSandboxedEnvironment(
        loader=_NamedLoader(sources),
        undefined=StrictUndefined,
        autoescape=(lambda name: not of_text and name is not None and name.endswith(".html.j2")),
        finalize=_refuse_missing,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=of_text,
    )
    env.filters.update(money=_money, date=_date, percent=_percent)
    env.globals.update(range=_short_range)
    return env


def render(template: Template, context: Mapping[str, Any]) -> str:
    """The text a template gives. Raises jinja2 errors; also for one that is too long or takes too long."""
    parts: list[str] = []
    size, end = 0, time.monotonic() + MAX_SECONDS
    for part in template.generate(context):
        size += len(part)
        if size > MAX_CHARACTERS:
            raise TemplateRuntimeError(f"the mail is longer than {MAX_CHARACTERS} characters")
        if time.monotonic() > end:
            raise TemplateRuntimeError(f"the mail takes longer than {MAX_SECONDS} s")
        parts.append(part)
    return "".join(parts)


def _refuse_missing(value: Any) -> Any:
    if value is None:
        raise TemplateRuntimeError("a missing value is printed; write e.g. {{ customer.first_name or 'there' }}")
    return value


def _short_range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_RANGE:
        raise TemplateRuntimeError(f"range is longer than {MAX_RANGE}")
    return numbers


@pass_context
def _money(context: Context, amount: Any, currency: str | None = None) -> str:
    """`{{ event.amount | money(event.currency) }}`: an amount in major units, in the company's currency unless named."""
    from babel.numbers import format_currency

    try:
        value = Decimal(str(amount))
    except InvalidOperation:
        raise TemplateRuntimeError("money: not an amount") from None
    return str(format_currency(value, currency or context["company"]["currency"], locale=context["locale"]))


@pass_context
def _date(context: Context, value: Any, style: str = "long") -> str:
    """`{{ offer.valid_until | date }}`: as the locale writes it; an instant by the customer's date."""
    from zoneinfo import ZoneInfo

    from babel.dates import format_date

    try:
        moment = datetime.fromisoformat(str(value))
        day = moment.astimezone(ZoneInfo(context["zone"])).date() if moment.tzinfo else moment.date()
    except ValueError:
        try:
            day = date.fromisoformat(str(value))
        except ValueError:
            raise TemplateRuntimeError("date: not a date") from None
    return str(format_date(day, style, locale=context["locale"]))


@pass_context
def _percent(context: Context, value: Any) -> str:
    """`{{ 0.15 | percent }}`."""
    from babel.numbers import format_percent

    return str(format_percent(Decimal(str(value)), locale=context["locale"], decimal_quantization=False))
