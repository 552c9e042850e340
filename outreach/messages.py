"""A rendered mail as a message: who it is from and to, its number, its headers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from crm_store.ledger.material import Material
from crm_store.ledger.reference import reference
from outreach.channels.base import Mail
from outreach.links import Signer
from outreach.rendering.context import Saying
from outreach.rendering.said import Said


def make_mail(saying: Saying, material: Material, said: Said, unsubscribe: str, now: datetime) -> Mail:
    """A mail ready to leave, with the headers of one-click unsubscribing (RFC 8058) by that link; of service nobody can
    unsubscribe."""
    sender = saying.version.settings.senders[saying.step.sender_of(saying.version.campaign)]
    return Mail(
        touch_id=material.touch_id,
        message_id=message_id(saying.signer, material.touch_id, material.natural, sender.address),
        from_address=sender.address,
        from_name=sender.name,
        reply_to=sender.reply_to,
        to_address=material.address,
        to_name=_full_name(material.customer),
        said=said,
        date=now,
        headers={} if saying.version.campaign.is_service else _one_click(unsubscribe),
    )


def _one_click(url: str) -> dict[str, str]:
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def message_id(signer: Signer, touch_id: int, natural: str, sender: str) -> str:
    """The Message-ID a touch has, whoever sends it and however often: unique among stores, and among a store's lives."""
    return f"<{reference(signer.keys[min(signer.keys)], touch_id, natural)}@{sender.rpartition('@')[2]}>"


def _full_name(customer: Mapping[str, object]) -> str:
    names = (customer.get("first_name"), customer.get("last_name"))
    return " ".join(" ".join(str(name).split()) for name in names if name)
