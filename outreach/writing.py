"""The mails of a batch, and what is kept of each, from which it can be shown again just as it left."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from isal import isal_zlib

from crm_store.ledger.find import SentMail
from crm_store.ledger.kept import keep_shell, shell_of
from crm_store.ledger.material import Material
from crm_store.store import Store
from outreach.channels.base import Mail
from outreach.messages import make_mail
from outreach.rendering.context import Saying, context
from outreach.rendering.environment import RENDER_ERRORS
from outreach.rendering.renderer import Renderer
from outreach.rendering.said import PLAIN, Said, Shell

_log = logging.getLogger("rapport.delivery")


@dataclass(frozen=True)
class Written:
    """`kept`: what the store keeps, by touch; `broken`: touches that can't be made into mails."""

    mails: list[Mail]
    kept: dict[int, bytes]
    broken: list[int]


def write_mails(saying: Saying, materials: Sequence[Material], renderer: Renderer, now: datetime) -> Written:
    """The mails of a batch; one that can't be made hurts no other."""
    written = Written([], {}, [])
    contexts = [_context(saying, material) for material in materials]
    good = [values for values in contexts if not isinstance(values, Exception)]
    made = iter(renderer.said_of(good))
    for material, values in zip(materials, contexts, strict=True):
        said = values if isinstance(values, Exception) else next(made)
        if isinstance(values, Exception) or isinstance(said, Exception):
            # The kind of error only: its text may quote a customer's data.
            _log.warning("touch %d: %s in template %s", material.touch_id, type(said).__name__, renderer.mail.name)
            written.broken.append(material.touch_id)
        else:
            written.mails.append(make_mail(saying, material, said, values["links"]["unsubscribe"], now))
            written.kept[material.touch_id] = pack(said, values, material.address)
    return written


def _context(saying: Saying, material: Material) -> dict[str, Any] | Exception:
    try:
        return context(saying, material)
    except RENDER_ERRORS as error:
        return error


def pack(said: Said, values: Mapping[str, Any], address: str) -> bytes:
    """What is kept of a mail: its holes and the name of its shell. Of one that shares nothing its values, which are shorter
    than the mail: the template's definition makes it of them again."""
    if said.shell is PLAIN:
        return _packed(json.dumps({"values": values}, sort_keys=True).encode())
    return _packed(orjson.dumps({"holes": said.holes, "shell": said.shell.hash, "to": address}))


def _packed(said: bytes) -> bytes:
    """In zlib's form, in a tenth of zlib's time, which is as long as it takes to read a mail's values."""
    return isal_zlib.compress(said, isal_zlib.ISAL_BEST_SPEED)


def keep_shells(store: Store, mails: Iterable[Mail], known: set[str]) -> None:
    """Keep what mails share, before they are named in the store. `known`: those that are there; brought up to date."""
    for shell in {mail.said.shell for mail in mails} - {PLAIN}:
        if shell.hash not in known:
            store.write(keep_shell, shell.hash, shell.packed())
            known.add(shell.hash)


def as_sent(store: Store, sent: SentMail, renderer: Renderer) -> tuple[Said, str]:
    """The words of a mail that was sent, and the address it went to."""
    kept = json.loads(zlib.decompress(sent.packed))
    if "shell" not in kept:
        values = kept.get("values", kept)  # a store of before shells were kept has them bare
        return renderer.mail.render(values), str(values["customer"]["email"])
    with store.read() as conn:
        shell = Shell.unpacked(shell_of(conn, kept["shell"]))
    return Said(shell, tuple(kept["holes"])), str(kept["to"])
