"""JSON Schemas of a workspace's files."""

from __future__ import annotations

from typing import Any

from crm_store.content.faults import Faults
from crm_store.content.names import Names
from crm_store.content.places import load_places
from crm_store.content.sources import SEGMENTS
from crm_store.content.workspace import Workspace
from crm_store.journeys.jsonschema import campaign_schema
from crm_store.segmentation.jsonschema import Known, segment_schema, vocabulary_schema


def schema_of(kind: str, workspace: Workspace) -> dict[str, Any]:
    """The schema of `segment`, `campaign` or `vocabulary` files."""
    if kind == "vocabulary":
        return vocabulary_schema()
    sources = workspace.sources
    segments = frozenset(name for name, _ in sources.names(SEGMENTS))
    places = Faults().attempt(load_places, sources, Faults()) or {}
    channels = frozenset(workspace.settings.channels)
    known = Known(workspace.vocabulary, Names(sources), segments, places, channels)
    return campaign_schema(known, workspace.settings.senders) if kind == "campaign" else segment_schema(known)
