"""The Jinja environment of all mails: sandboxed, strict, with a few filters."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sized
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from jinja2 import (
    BaseLoader,
    Environment,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateRuntimeError,
    Undefined,
    nodes,
    pass_context,
)
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from crm_store.content.faults import did_you_mean

MAX_CHARACTERS = 1_000_000
MAX_SECONDS = 5.0
MAX_RANGE = 1_000
KEPT = 2_000
KEPT_TREES = 200  # each takes some fifty times as much memory as its text
# What a template can raise on values it did not expect.
RENDER_ERRORS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)


class _NamedLoader(BaseLoader):
    """Templates from a mapping, under their names in tracebacks too."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.sources = sources

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        if template not in self.sources:
            raise TemplateNotFound(template)
        return self.sources[template], template, lambda: True


class MissingValue(TemplateRuntimeError):
    """A value that is not there is printed, or worked with."""


class _Missing(Undefined):
    """Stands for None in a template: false in an `if`, but no filter and no operator prints it as the word None."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, _Missing)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = Undefined.__hash__
    __str__ = __iter__ = __len__ = Undefined._fail_with_undefined_error


class _Named(dict[str, Any]):
    """Values by name, which know what they are called in templates."""

    _path: str


_OF_NAMED = frozenset(dir(_Named)) | {"_path"}


def is_field(attribute: str) -> bool:
    """Whether `values.attribute` can be nothing but the value of that name."""
    return attribute not in _OF_NAMED


class _Unknown(StrictUndefined):
    """A name that is in no mail: says so in a marketer's words."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        known, name = self._undefined_obj, str(self._undefined_name)
        if not isinstance(known, _Named) or not name.isidentifier():  # anything else may be a value
            return super()._undefined_message
        return f"'{known._path}.{name}' is not known{did_you_mean(name, known)}"


def readable(context: Mapping[str, Any]) -> dict[str, Any]:
    """Values as templates get them: what is missing says so when it is printed, by its name."""
    return {name: readable_value(value, name) for name, value in context.items()}


AS_THEY_ARE = frozenset({str, int, float, bool})


def readable_value(value: Any, path: str) -> Any:
    """The value that templates know by that path."""
    if type(value) in AS_THEY_ARE:
        return value
    if value is None:
        return _missing(path)
    if isinstance(value, Mapping):
        named = _Named(
            {
                name: inner if type(inner) in AS_THEY_ARE else readable_value(inner, f"{path}.{name}")
                for name, inner in value.items()
            }
        )
        named._path = path
        return named
    return value


@lru_cache(maxsize=KEPT)
def _missing(path: str) -> _Missing:
    return _Missing(f"'{path}' has no value here; write e.g. {{{{ {_instead(path)} }}}}", exc=MissingValue)


# What is written instead of a value that is missing, by the last part of its name; other values are texts.
_INSTEAD = {
    "event": "event.at | date if event else ''",
    "offer": "offer.code if offer else ''",
    "amount": "{path} | money if {path} else ''",
    "valid_until": "{path} | moment if {path} else ''",
} | dict.fromkeys(("at", "birthday", "joined_on"), "{path} | date if {path} else ''")


def _instead(path: str) -> str:
    return _INSTEAD.get(path.rpartition(".")[2], "{path} or 'there'").format(path=path)


class _Compiled(BytecodeCache):
    """What was compiled before, by file and text: layouts and parts are shared by many mails."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if len(self.kept) >= KEPT:
            self.kept.clear()
        self.kept[bucket.key, bucket.checksum] = bucket.code


_COMPILED = {of_text: _Compiled() for of_text in (False, True)}
# What was parsed before, by text: whether a file uses others, its code and its holes are found in one tree, which nobody
# changes. Of the options of environments only the first of these says how a text is read.
_PARSED: dict[tuple[bool, str], nodes.Template] = {}


class _Sandbox(ImmutableSandboxedEnvironment):
    """Nothing but values can be reached, and no operator makes something huge out of something small."""

    intercepted_binops = frozenset({"*", "**"})

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        known = (self.keep_trailing_newline, source)
        tree = _PARSED.get(known)
        if tree is None:
            if len(_PARSED) >= KEPT_TREES:
                _PARSED.clear()
            tree = _PARSED[known] = super()._parse(source, name, filename)
        return tree

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is _Named and attribute in obj and attribute not in _OF_NAMED:
            return obj[attribute]  # what the lines below come to, after an AttributeError, for nearly all that mails print
        return super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or _is_huge(left, right) or _is_huge(right, left):
            raise TemplateRuntimeError(f"'{operator}' makes too much of it here; multiply numbers, repeat short texts")
        return super().call_binop(context, operator, left, right)


def _is_huge(value: Any, times: Any) -> bool:
    return isinstance(value, Sized) and isinstance(times, int) and len(value) * times > MAX_CHARACTERS


def environment(sources: Mapping[str, str], of_text: bool = False) -> ImmutableSandboxedEnvironment:
    """An environment over template sources by path below templates/. `of_text`: nothing is escaped."""
    env = _Sandbox(
        loader=_NamedLoader(sources),
        undefined=_Unknown,
        autoescape=(lambda name: not of_text and name is not None and name.endswith(".html.j2")),
        finalize=_refuse_none,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=of_text,
        optimized=False,  # it changes the tree, takes a tenth of compiling, and mails hardly ever reckon with constants
        bytecode_cache=_COMPILED[of_text],
    )
    env.filters.update(FILTERS)
    env.tests.update(none=lambda value: value is None or isinstance(value, _Missing))
    env.globals.update(range=_short_range)
    return env


def render(template: Template, context: Mapping[str, Any], seconds: float = MAX_SECONDS) -> str:
    """The text a template gives for `readable` values. Raises one of RENDER_ERRORS; also if it is too long or too slow."""
    parts: list[str] = []
    size, end = 0, time.monotonic() + seconds
    for part in template.generate(context):
        size += len(part)
        if size > MAX_CHARACTERS:
            raise TemplateRuntimeError(f"the mail is longer than {MAX_CHARACTERS} characters")
        if time.monotonic() > end:
            raise TemplateRuntimeError(f"the mail takes longer than {seconds} s")
        parts.append(part)
    return "".join(parts)


def _refuse_none(value: Any) -> Any:
    if value is None:
        raise MissingValue("a missing value is printed; write e.g. {{ customer.first_name or 'there' }}")
    return value


def _short_range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_RANGE:
        raise TemplateRuntimeError(f"range is longer than {MAX_RANGE}")
    return numbers


@pass_context
def _money(context: Context, amount: Any, currency: str | None = None) -> str:
    """`{{ event.amount | money(event.currency) }}`: an amount in major units, in the company's currency unless named."""
    return _written_money(str(amount), currency or context["company"]["currency"], context["locale"])


_AMOUNT = re.compile(r"(0|[1-9]\d{0,8})\.(\d+)", re.ASCII)


@lru_cache(maxsize=KEPT)  # a mail says what it says in two parts
def _written_money(written: str, currency: str, locale: str) -> str:
    """As Babel writes it, which takes a tenth of a millisecond: amounts with as many digits differ in these alone."""
    try:
        amount = str(Decimal(written))
    except InvalidOperation:
        raise TemplateRuntimeError("money: not an amount") from None
    parts = _AMOUNT.fullmatch(amount)
    pattern = parts and _money_pattern(len(parts[1]), len(parts[2]), currency, locale)
    return pattern.format(*parts[1], *parts[2]) if parts and pattern else _formatted_money(amount, currency, locale)


@lru_cache(maxsize=KEPT)
def _money_pattern(whole: int, minor: int, currency: str, locale: str) -> str | None:
    """How amounts of so many digits are written, `{}` for each digit; None where that is not all there is to it."""
    written = _formatted_money(f"{'1' * whole}.{'1' * minor}", currency, locale)
    digits = sum(map(str.isdigit, written))
    if digits != whole + minor or written.count("1") != digits or "{" in written:
        return None
    return written.replace("1", "{}")


@lru_cache(maxsize=KEPT)
def _formatted_money(amount: str, currency: str, locale: str) -> str:
    from babel.numbers import format_currency

    return str(format_currency(Decimal(amount), currency, locale=locale))


@pass_context
def _date(context: Context, value: Any, style: str = "long") -> str:
    """`{{ offer.valid_until | date }}`: as the locale writes it; an instant by the customer's date, `--05-17` as such."""
    try:
        return _written_date(str(value), style, context["locale"], context["zone"])
    except ValueError:
        raise TemplateRuntimeError("date: not a date") from None


@lru_cache(maxsize=KEPT)
def _written_date(written: str, style: str, locale: str, zone: str) -> str:
    from babel.dates import format_date, format_skeleton

    if written.startswith("--"):
        return str(format_skeleton("MMMMd", date.fromisoformat(f"2000{written[1:]}"), locale=locale))
    return str(format_date(_local_date(written, zone), style, locale=locale))


def _local_date(written: str, zone: str) -> date:
    return _local(written, zone).date()


def _local(written: str, zone: str) -> datetime:
    from zoneinfo import ZoneInfo

    moment = datetime.fromisoformat(written)
    return moment.astimezone(ZoneInfo(zone)) if moment.tzinfo else moment


@pass_context
def _moment(context: Context, value: Any, style: Any = "long") -> str:
    """`{{ offer.valid_until | moment }}`: a date as `date` writes it, an instant with the customer's time of day."""
    day, written = _date(context, value, style), str(value)
    if len(written) <= len("2026-01-31"):
        return day
    return _written_moment(written, style, context["locale"], context["zone"], day)


@lru_cache(maxsize=KEPT)
def _written_moment(written: str, style: Any, locale: str, zone: str, day: str) -> str:
    from babel.dates import format_time, get_datetime_format

    time = format_time(_local(written, zone), "short", locale=locale)
    return str(get_datetime_format(style, locale=locale)).format(time, day)


@pass_context
def _percent(context: Context, value: Any) -> str:
    """`{{ 0.15 | percent }}`."""
    from babel.numbers import format_percent

    return str(format_percent(Decimal(str(value)), locale=context["locale"], decimal_quantization=False))


# What mails may say beyond Jinja's own filters. A new one is a function here and a line.
FILTERS: Mapping[str, Callable[..., str]] = {"money": _money, "date": _date, "moment": _moment, "percent": _percent}
# The values of a mail that a filter reads beside what it is given.
READS: Mapping[str, tuple[str, ...]] = {
    "money": ("company", "locale"),
    "date": ("locale", "zone"),
    "moment": ("locale", "zone"),
    "percent": ("locale",),
}
