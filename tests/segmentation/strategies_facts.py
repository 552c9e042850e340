"""Random conditions on messages, campaigns, codes, follow-ups, scores, lists, consent, places and samples."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.segmentation.population import REASONS, SPANS
from tests.segmentation.population_facts import LINKS, OUTCOMES
from tests.segmentation.population_words import FULL_WORDS, LISTS, OFFERS, STEPS
from tests.segmentation.strategies import (
    Condition,
    Draw,
    counts,
    nested,
    nothing,
    of_numbers,
    on_instants,
    one,
    reachables,
)
from tests.segmentation.strategies_full import (
    all_attributes,
    full_events,
    histories,
    ranked_attributes,
    ranks,
    sequences,
)
from tests.segmentation.strategies_texts import matching, texts_of

TOLD = ("delivered", "opened", "clicked", "bounced", "complained", "unsubscribed")
MESSAGES = ("sent", "skipped", "failed", *TOLD)
OF = {
    "campaign": tuple(STEPS),
    "step": ("hello", "last call", "gift"),
    "template": ("hello", "again", "gift"),
    "topic": ("offers", "news"),
    "channel": ("email",),
    "run": ("1", "2"),
    "variant": ("one", "other"),
}
maybe_window = nothing | on_instants


def one_or_some(names: tuple[str, ...]) -> st.SearchStrategy[str | list[str]]:
    return st.sampled_from(names) | st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)


@st.composite
def messages(draw: Draw) -> Condition:
    found: Condition = {"message": draw(one_or_some(MESSAGES))}
    if draw(st.booleans()):
        names = draw(st.lists(st.sampled_from(list(OF)), min_size=1, max_size=2, unique=True))
        found["of"] = {name: draw(one_or_some(OF[name])) for name in names}
    if found["message"] == "clicked" and draw(st.booleans()):
        found["link"] = draw(texts_of(LINKS) | matching)
    if not {"skipped", "failed"} & set([found["message"]] if isinstance(found["message"], str) else found["message"]):
        among = st.tuples(st.sampled_from(["first", "last"]), st.sampled_from(["1", "2", "5"])).map(" ".join)
        found |= draw(nothing | one("among", among))
    if {"opened", "clicked"} & set([found["message"]] if isinstance(found["message"], str) else found["message"]):
        found |= draw(nothing | one("machines", st.sampled_from(["true", "false"])))
    count = one("count", of_numbers(counts).filter(lambda test: "is_set" not in test))
    measure = st.one_of(nothing, count, one("first", on_instants), one("last", on_instants))
    found |= draw(maybe_window)
    return {**found, **draw(measure)}


@st.composite
def memberships(draw: Draw) -> Condition:
    """Of segments a and b, that are followed."""
    spans = sorted(draw(st.lists(st.sampled_from(RISING), min_size=2, max_size=2)), key=RISING.index)
    words = st.sampled_from(["at_least", "more_than", "at_most", "less_than"])
    lasting = st.tuples(words, st.sampled_from(SPANS)).map(lambda pair: {pair[0]: pair[1]}) | st.just({"between": spans})
    return {
        "segment": draw(st.sampled_from(["a", "b"])),
        **draw(st.one_of(one("entered", on_instants), one("left", on_instants), one("for", lasting))),
    }


RISING = ("0 days", "90 minutes", "1 day", "2 weeks", "1 month", "1 year")
lists = st.sampled_from(LISTS).map(lambda name: {"list": name})


@st.composite
def campaigns(draw: Draw) -> Condition:
    states = ("in", "finished", "left", "held_out", "reached_goal", "ever_in")
    state = draw(nothing | one("state", st.sampled_from(states)))
    return {"campaign": draw(st.just("any") | one_or_some(tuple(STEPS))), **state, **draw(maybe_window)}


@st.composite
def offers(draw: Draw) -> Condition:
    state = draw(nothing | one("state", st.sampled_from(["open", "redeemed", "expired"])))
    name = draw(st.sampled_from(["any", *OFFERS["win-back"]]))
    return {"offer": name, **state, **draw(nothing | one("expires", on_instants))}


_task_states = nothing | one("state", st.sampled_from(["open", "done", "overdue"]))
_task_outcomes = nothing | one("outcome", texts_of(OUTCOMES))


@st.composite
def follow_ups(draw: Draw) -> Condition:
    state, outcome = draw(_task_states), draw(_task_outcomes)
    return {"follow_up": draw(st.sampled_from(["any", "call", "letter"])), **state, **outcome}


score_numbers = of_numbers(st.sampled_from(["0", "0.25", "0.5", "1", "-3", "12.5", "1099511627776", "0.3"]))


@st.composite
def scores(draw: Draw) -> Condition:
    fresh = draw(nothing | one("fresh", st.sampled_from(SPANS)))
    return {"score": draw(st.sampled_from(["churn", "worth"])), **draw(score_numbers), **fresh}


ranked_scores = st.tuples(st.sampled_from(["churn", "worth"]), ranks()).map(lambda pair: {"score": pair[0], **pair[1]})


@st.composite
def consents(draw: Draw) -> Condition:
    state = draw(nothing | one("state", st.sampled_from(["given", "pending", "withdrawn", "lapsed", "never"])))
    window = {} if state.get("state") == "never" else draw(maybe_window)
    return {"consent": {"channel": "email", "topic": draw(st.sampled_from(["offers", "news"]))}, **state, **window}


suppressions = st.tuples(nothing | one("reason", one_or_some(REASONS))).map(
    lambda reason: {"suppressed": {"channel": "email"}, **reason[0]}
)


@st.composite
def nears(draw: Draw) -> Condition:
    by = draw(
        st.sampled_from([*(("place", name) for name in FULL_WORDS.places), ("places", "store"), ("places", "depot"), AT])
    )
    limits = ["0.001 km", "1 km", "1.2 km", "10 km", "12 km", "22.5 km", "254 km", "500 km", "10000 km", "20020 km"]
    return {"near": {by[0]: by[1]}, "within": draw(st.sampled_from(limits))}


AT = ("attribute", "near_shop")


@st.composite
def samples(draw: Draw) -> Condition:
    share = draw(st.sampled_from(["10 %", "50 %", "33.3 %", "0.5 %", "100 %", "99.99 %"]))
    return {"sample": share, **draw(nothing | one("salt", st.sampled_from(["x", "one", "a", "ß", "100%", "'"])))}


of_people = st.one_of(lists, campaigns(), offers(), follow_ups(), scores(), consents(), suppressions, nears(), samples())
ranked = st.one_of(ranked_attributes, full_events(ranked=True), ranked_scores)
everything = st.one_of(
    all_attributes, histories(), full_events(), messages(), sequences(), of_people, memberships(), reachables, ranked
)
full_conditions = nested(everything)
full_with_segments = nested(everything | st.sampled_from(["a", "b"]).map(lambda name: {"segment": name}))
