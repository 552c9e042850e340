"""`offers` of a campaign file: what codes are worth, and how long."""

from __future__ import annotations

import re
from dataclasses import replace

from crm_store.content.faults import Fault, Unnamed, did_you_mean, nearest
from crm_store.content.fields import Fields, text
from crm_store.content.literals import Duration, Moment, parse_duration, read_moment, read_money, read_percent
from crm_store.content.nodes import Mapping, Node, Scalar
from crm_store.journeys.campaign import OfferTerms
from crm_store.journeys.moments import own_date
from crm_store.journeys.reading import Reading
from crm_store.segmentation.times import OF_COURSE, course_anchor

UNIQUE = "unique"


def read_offers(node: Node, reading: Reading) -> dict[str, OfferTerms]:
    if not isinstance(node, Mapping) or not node.entries:
        raise Unnamed(node, "must be a mapping of offers, e.g. {treat: {discount: 15 %, code: unique}}")
    read = reading.language.faults.each(lambda entry: _offer(entry[0].text, entry[1], reading), node.entries)
    return {terms.name: terms for terms in read}


def _offer(name: str, node: Node, reading: Reading) -> OfferTerms:
    fields = Fields(node, reading.language.faults, f"offer '{name}'", planned=("budget",))
    terms = OfferTerms(name)
    benefits = [key for key in ("discount", "item", "gift") if fields.has(key)]
    if len(benefits) != 1:
        fields.fault(node.place, f"offer '{name}' needs exactly one of discount, item, gift")
    terms = fields.get("discount", lambda value: _discount(terms, value, reading), terms)
    terms = replace(terms, item=fields.maybe("item", text), gift=fields.maybe("gift", text))
    code = fields.need("code", _code)
    valid = fields.maybe("valid", lambda value: _valid(value, reading))
    fields.close()
    return replace(terms, code=None if code == UNIQUE else code, valid=valid)


def _discount(terms: OfferTerms, node: Node, reading: Reading) -> OfferTerms:
    if text(node).rstrip().endswith("%"):
        return replace(terms, percent=read_percent(node))
    money = read_money(node)
    known = {reading.settings.company.currency, *reading.language.vocabulary.currencies}
    if money.currency not in known:
        raise Fault(node.place, f"'{text(node)}' is not in a currency of the company{did_you_mean(money.currency, known)}")
    return replace(terms, money=money)


def _code(node: Node) -> str:
    """`unique`, or a code for all that nobody can take for a mistyped word."""
    word = text(node)
    if word != UNIQUE and not re.fullmatch(r"[A-Z0-9][A-Z0-9-]*", word):
        what = f"'{word}' is no code; write `unique`, or one for all in capital letters, digits and '-'"
        raise Fault(node.place, what + nearest(word, [UNIQUE]))
    return word


def _valid(node: Node, reading: Reading) -> Duration | Moment:
    """A duration, or `until MOMENT`: the end of that day."""
    trigger = reading.trigger
    word = text(node)
    if not word.startswith("until "):
        return parse_duration(word, node)
    moment = read_moment(Scalar(word[len("until ") :], node.place))
    if trigger is None:
        return moment
    said = OF_COURSE.fullmatch(moment.anchor or "")
    if said is not None and said["step"] is not None:
        return replace(moment, base=course_anchor(said, node, reading.of_enrolments))
    own = own_date(trigger)
    known = [anchor for anchor in ("entered", "trigger", own) if anchor]
    if moment.anchor is not None and moment.anchor not in known:
        raise Fault(node.place, f"'{moment}' is not known here{did_you_mean(moment.anchor, known)}")
    return moment
