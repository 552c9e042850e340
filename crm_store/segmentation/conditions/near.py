"""near: the customer lives near a place of `config/places.yaml`.

Great-circle distance by the haversine formula on a sphere of the earth's mean radius (IUGG: 6371.0088 km). Instead of the
distance d its haversine sin²(d / 2R) is compared, which grows with it and needs no arc sine.
"""

from __future__ import annotations

from collections.abc import Mapping as ABCMapping
from dataclasses import dataclass
from math import cos, degrees, pi, radians, sin
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement, and_, func, or_

from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.fields import Fields, sure, text
from crm_store.content.literals import Distance, read_distance
from crm_store.content.nodes import Mapping, Node
from crm_store.content.places import GeoPlace
from crm_store.content.sources import PLACES
from crm_store.content.vocabulary import Attribute, look_up
from crm_store.schema import customer
from crm_store.segmentation.attributes import stored_value
from crm_store.segmentation.conditions.base import Condition, FieldHelp
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Moved, Passing

Column = ColumnElement[Any]
RADIUS_KM = 6371.0088
_SLACK = 1e-9  # degrees; the box must not cut what the circle holds


@dataclass(frozen=True)
class NearCondition(Condition):
    """Within a distance of a place, of any place of a kind, or of the place that an attribute names."""

    kind: ClassVar = "near"
    help: ClassVar = "lives within a distance of a place; without coordinates nobody does"
    example: ClassVar = "near: {places: store}, within: 10 km"
    fields: ClassVar = (
        FieldHelp("near", "{place: NAME}, {places: KIND}, or the {attribute: NAME} that names a place", "near"),
        FieldHelp("within", "a distance, e.g. 10 km", "distance"),
    )
    places: tuple[GeoPlace, ...]
    attribute: Attribute | None
    within: Distance
    said: str

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'near'")
        found = fields.need("near", lambda value: _places(value, language))
        within = fields.need("within", read_distance)
        fields.close()
        places, attribute, said = sure(found)
        return cls(places, attribute, sure(within), said)

    @property
    def cost(self) -> int:
        return 0

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        tests = [self._near(place) for place in self.places]
        if self.attribute is not None:
            named = stored_value(self.attribute)
            tests = [and_(named == place.name, test) for place, test in zip(self.places, tests, strict=True)]
        return or_(*tests)

    def _near(self, place: GeoPlace) -> ColumnElement[bool]:
        angle = min(self.within.kilometres / RADIUS_KM, pi)
        height = degrees(angle) + _SLACK
        in_box = customer.c.latitude.between(place.latitude - height, place.latitude + height)
        return and_(in_box, _haversine(place) <= sin(angle / 2) ** 2)

    def values(self, scope: Scope) -> dict[str, Column]:
        return {"latitude": customer.c.latitude, "longitude": customer.c.longitude}

    def moved(self, time: Passing) -> Moved:
        return []

    def sentence(self) -> str:
        return f"they live within {self.within} of {self.said}"


def _haversine(place: GeoPlace) -> Column:
    up = func.sin((customer.c.latitude - place.latitude) * (pi / 360))
    along = func.sin((customer.c.longitude - place.longitude) * (pi / 360))
    return up * up + func.cos(customer.c.latitude * (pi / 180)) * cos(radians(place.latitude)) * along * along


def _places(node: Node, language: Language) -> tuple[tuple[GeoPlace, ...], Attribute | None, str]:
    fields = Fields(node, language.faults, "'near'")
    place = fields.maybe("place", lambda value: look_up(value, language.places, "place", PLACES))
    kind = fields.maybe("places", lambda value: _of_kind(value, language.places))
    attribute = fields.maybe("attribute", lambda value: _attribute(value, language))
    if sum(fields.has(key) for key in ("place", "places", "attribute")) != 1:
        fields.fault(node.place, "'near' needs exactly one of place, places, attribute")
    fields.close()
    if place is not None:
        return (place,), None, place.title
    if kind is not None:
        return kind, None, f"any {kind[0].kind}"
    return tuple(language.places.values()), sure(attribute), f"the place that is their {sure(attribute).title}"


def _of_kind(node: Node, places: ABCMapping[str, GeoPlace]) -> tuple[GeoPlace, ...]:
    kind = text(node)
    found = tuple(place for place in places.values() if place.kind == kind)
    if not found:
        kinds = {place.kind for place in places.values() if place.kind}
        raise Fault(node.place, f"no place of kind '{kind}' is in {PLACES}{did_you_mean(kind, kinds)}")
    return found


def _attribute(node: Node, language: Language) -> Attribute:
    attribute = language.vocabulary.attribute(node)
    if attribute.type != "text":
        raise Fault(node.place, f"'{attribute.name}' must be a text that names a place; it is a {attribute.type}")
    if not language.places:
        raise Fault(node.place, f"no places are in {PLACES}")
    return attribute
