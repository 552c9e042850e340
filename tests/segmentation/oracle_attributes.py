"""`attribute` for the oracle: comparisons, and what the values were before. It imports nothing of Rapport's."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from operator import attrgetter
from typing import Any

from tests.segmentation.oracle_asked import Asked
from tests.segmentation.oracle_facts import Change, Condition
from tests.segmentation.oracle_times import comes_round
from tests.segmentation.oracle_values import deep, exact, typed

HISTORY = ("attribute", "for", "was", "changed")
AT = attrgetter("at")


def attribute(asked: Asked, who: Condition) -> bool:
    test = {word: operand for word, operand in who.items() if word not in HISTORY}
    kind, value = asked.value(who["attribute"])
    if "anniversary" in test:
        parts = (value.month, value.day, value.year) if isinstance(value, date) else value
        return comes_round(parts, test["anniversary"], asked.today)
    if "for" in who:
        passes = lasted(asked, who, test)
    else:
        passes = not test or asked.satisfies(kind, value, test, asked.day_of(asked.now))
    return passes and all(judge(asked, who) for word, judge in (("was", was), ("changed", changed)) if word in who)


def lasted(asked: Asked, who: Condition, test: Condition) -> bool:
    """Known for so long, and nothing she had from then to now fails the test: what changed later had not changed yet."""
    since, name = asked.ago(who["for"]["at_least"]), who["attribute"]
    later = [one for one in sorted(asked.person.changes, key=AT) if one.name == column_of(asked, name) and one.at > since]
    held = [later[0].old, *(one.new for one in later if one.at <= asked.now)] if later else []
    values = [as_attribute(asked, name, value) for value in held] or [asked.value(name)]
    day = asked.day_of(asked.now)
    return asked.person.created_at <= since and all(asked.satisfies(*value, test, day) for value in values)


def was(asked: Asked, who: Condition) -> bool:
    found = changes(asked, who["attribute"])
    if not found:
        return False
    kind, value = as_attribute(asked, who["attribute"], found[-1].old)
    if kind == "date":
        return bool(value is not None and value == date.fromisoformat(who["was"]))
    return asked.satisfies(kind, value, {"is": who["was"]}, asked.day_of(asked.now))


def changed(asked: Asked, who: Condition) -> bool:
    found = changes(asked, who["attribute"])
    return bool(found) and asked.in_windows(found[-1].at, who["changed"])


def changes(asked: Asked, name: str) -> list[Change]:
    """Up to now, the last at the end."""
    found = [one for one in asked.person.changes if one.name == column_of(asked, name) and one.at <= asked.now]
    return sorted(found, key=AT)


def column_of(asked: Asked, name: str) -> str:
    return name if name in asked.person.facts or name == "joined_on" else f"attributes.{name.partition('.')[0]}"


def as_attribute(asked: Asked, name: str, value: Any) -> tuple[str, Any]:
    """The type of the attribute, and a former value of it."""
    kind, _ = asked.value(name)
    return kind, typed(deep(value, name.split(".")[1:]), kind)


def attribute_number(asked: Asked, who: Condition) -> Fraction | None:
    """What `top` and `bottom` rank by."""
    kind, value = asked.value(who["attribute"])
    if value is None:
        return None
    if kind == "money":
        day = asked.day_of(asked.now)
        return asked.words.worth(value["minor"], value["currency"], day, asked.words.currency)
    return exact(value)
