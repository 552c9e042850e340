"""Offer codes."""

import base64
import secrets
from collections.abc import Iterator

# Crockford's base 32: no I, L, O, U, so that nobody misreads a code (crockford.com/base32.html).
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_AS_CROCKFORD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ALPHABET)
_AT_ONCE = 1_000


def new_codes() -> Iterator[str]:
    """Random codes for a claim, e.g. `7Q4ZK-M2XHD`: 10 bits that they share, and 40 of each one's own.

    What begins alike lies together in the index that keeps codes apart: of a thousand all over it each is a page to write.
    Who knows a code guesses another no sooner than among a million that had all 50 bits of their own.
    """
    first = "".join(secrets.choice(ALPHABET) for _ in range(2))
    while True:
        drawn = base64.b32encode(secrets.token_bytes(5 * _AT_ONCE)).decode("ascii").translate(_AS_CROCKFORD)
        for start in range(0, len(drawn), 8):
            yield f"{first}{drawn[start : start + 3]}-{drawn[start + 3 : start + 8]}"
