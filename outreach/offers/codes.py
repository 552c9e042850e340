"""Offer codes."""

import secrets

# Crockford's base 32: no I, L, O, U, so that nobody misreads a code (crockford.com/base32.html).
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 10


def new_code() -> str:
    """A random code of 50 bits, e.g. `7Q4ZK-M2XHD`."""
    number = secrets.randbits(5 * LENGTH)
    code = "".join([ALPHABET[number >> shift & 31] for shift in range(0, 5 * LENGTH, 5)])
    return f"{code[:5]}-{code[5:]}"
