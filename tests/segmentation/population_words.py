"""The vocabulary, places, campaigns and mails of a company that uses the whole segment language, and the oracle's Words."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.segmentation.oracle_facts import Place, UsualGap, Words
from tests.segmentation.population import WORDS

FULL_VOCABULARY = """\
attributes:
  note: {type: text}
  points: {type: number}
  vip: {type: yes-no}
  since: {type: date}
  seen: {type: instant}
  address.street: {type: text}
  interest: {type: text path}
  tags: {type: list}
  budget: {type: money}
  renewal_on: {type: date}
  near_shop: {type: text}
events:
  order:
    amount: yes
    properties:
      store: text
      size: number
      gift: yes-no
      deep.tag: text
      weight: number
      delivered_on: date
      packed_at: instant
      tip: money
      labels: list
      aisle: text path
    usual_gap: {from: 3 events, at_least: 2 days, at_most: 180 days, otherwise: 90 days}
  visit: {amount: yes, properties: {store: text, weight: number}, usual_gap: {from: 2 events, otherwise: 5 weeks}}
  signed_up: {usual_gap: {at_most: 100 days, otherwise: 36 hours}}
topics: {offers: {}, news: {}}
currencies:
  EUR:
  USD: {2020-01-01: 0.9 EUR, 2026-06-15: 0.95 EUR, 2026-12-31: 1 EUR}
  JPY: {2026-01-01: 0.006 EUR}
follow_ups: {call: {title: Call}, letter: {title: Letter}}
scores: {churn: {title: Risk}, worth: {title: Worth}}
"""
FULL_PLACES = """\
places:
  berlin: {title: Berlin, kind: store, latitude: 52.52, longitude: 13.405}
  hamburg: {title: Hamburg, kind: store, latitude: 53.55, longitude: 9.993}
  taveuni: {title: Taveuni, kind: depot, latitude: -16.85, longitude: 179.95}
  pole: {title: North Pole, kind: depot, latitude: 90, longitude: 0}
"""
CAMPAIGN = """\
title: {title}
kind: nurture
status: draft
topic: offers
enter: {{event: signed_up}}
offers: {{{offers}}}
steps: [{steps}]
"""
TREAT = "treat: {discount: 15 %, code: unique, valid: 14 days}"
FREE = "free-post: {item: shipping, code: unique, valid: 3 days}"
FULL_FILES = {
    "config/vocabulary.yaml": FULL_VOCABULARY,
    "config/places.yaml": FULL_PLACES,
    "config/campaigns/spring.yaml": CAMPAIGN.format(
        title="Spring", offers=TREAT, steps="{send: hello, offer: treat}, {wait: 3 days}, {send: again, name: last call}"
    ),
    "config/campaigns/win-back.yaml": CAMPAIGN.format(
        title="Win-back", offers=f"{TREAT}, {FREE}", steps="{send: hello, offer: treat}, {wait: 3 days}, {send: gift}"
    ),
    "config/campaigns/welcome.yaml": CAMPAIGN.format(title="Welcome", offers="", steps="{send: hello}"),
    **{f"templates/{name}/subject.j2": "Hello" for name in ("hello", "again", "gift")},
    **{f"templates/{name}/body.html.j2": "<p>Hello</p>" for name in ("hello", "again", "gift")},
}
# Campaigns, their steps with the mails these send, and the codes they give.
STEPS = {
    "spring": {"hello": "hello", "last call": "again"},
    "win-back": {"hello": "hello", "gift": "gift"},
    "welcome": {"hello": "hello"},
}
OFFERS = {"spring": ("treat",), "win-back": ("treat", "free-post"), "welcome": ()}
LISTS = ("vips", "trial", "nobody")
FULL_WORDS = Words(
    attributes={**WORDS.attributes, "tags": "list", "budget": "money", "renewal_on": "date", "near_shop": "text"},
    properties={
        "order": {
            **WORDS.properties["order"], "weight": "number", "delivered_on": "date", "packed_at": "instant", "tip": "money",
            "labels": "list", "aisle": "text path",
        },
        "visit": {"store": "text", "weight": "number"},
        "signed_up": {},
    },
    currency="EUR",
    rates={
        "USD": [
            (date(2020, 1, 1), Decimal("0.9")), (date(2026, 6, 15), Decimal("0.95")), (date(2026, 12, 31), Decimal(1)),
        ],
        "JPY": [(date(2026, 1, 1), Decimal("0.006"))],
    },
    gaps={
        "order": UsualGap(3, "90 days", "2 days", "180 days"),
        "visit": UsualGap(2, "5 weeks"),
        "signed_up": UsualGap(3, "36 hours", at_most="100 days"),
    },
    places={
        "berlin": Place("store", 52.52, 13.405),
        "hamburg": Place("store", 53.55, 9.993),
        "taveuni": Place("depot", -16.85, 179.95),
        "pole": Place("depot", 90, 0),
    },
)  # fmt: skip
