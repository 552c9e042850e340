"""`config/places.yaml`: the company's places, that customers may be near to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crm_store.content.faults import Fault, Faults
from crm_store.content.fields import Fields, sure, text
from crm_store.content.literals import parse_number
from crm_store.content.nodes import Mapping as MappingNode
from crm_store.content.nodes import Node
from crm_store.content.sources import PLACES, Sources


@dataclass(frozen=True)
class GeoPlace:
    """A point on the earth, in degrees; `kind` groups places, e.g. store."""

    name: str
    title: str
    kind: str | None
    latitude: float
    longitude: float


def load_places(sources: Sources, faults: Faults) -> Mapping[str, GeoPlace]:
    """The places by name, none without the file. Raises Incomplete with the faults collected."""
    if PLACES not in sources.files:
        return {}
    fields = Fields(sources.parse(PLACES, faults), faults, "places.yaml")
    places = fields.table("places", lambda node: _places(node, faults))
    fields.close()
    return places


def _places(node: Node, faults: Faults) -> dict[str, GeoPlace]:
    if not isinstance(node, MappingNode):
        raise Fault(node.place, "must be a mapping of names")
    found = faults.each(lambda entry: _place(entry[0].text, entry[1], faults), node.entries)
    return {place.name: place for place in found}


def _place(name: str, node: Node, faults: Faults) -> GeoPlace:
    fields = Fields(node, faults, f"place '{name}'")
    title, kind = fields.get("title", text, name), fields.maybe("kind", text)
    latitude = fields.need("latitude", lambda value: _degrees(value, 90))
    longitude = fields.need("longitude", lambda value: _degrees(value, 180))
    fields.close()
    return GeoPlace(name, title, kind, sure(latitude), sure(longitude))


def _degrees(node: Node, limit: int) -> float:
    degrees = float(parse_number(text(node), node))
    if abs(degrees) > limit:
        raise Fault(node.place, f"'{text(node)}' must lie between -{limit} and {limit}")
    return degrees
