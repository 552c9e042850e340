"""Links in mails are signed, hold no address, and work for as long as people keep their mails."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.links import Link, Purpose, Signer

KEYS = {1: bytes(range(32)), 2: bytes(range(1, 33))}
OLD = Signer("https://mail.example.com", {1: KEYS[1]})
NEW = Signer("https://mail.example.com", KEYS)
LAST_CUSTOMER, LAST_TOUCH = 2**32 - 1, 2**40 - 1
LINK = Link(Purpose.UNSUBSCRIBE, 1, 1)
URL_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

links = st.builds(Link, st.sampled_from(Purpose), st.integers(0, LAST_CUSTOMER), st.integers(0, LAST_TOUCH))


def test_tokens_of_version_0_1_are_read_for_ever() -> None:
    # Mails with these are out. If this fails, undo what you did to outreach/links.py.
    frozen = {
        "AQEAAAABAAAAAAHsQgTe_Eb5px8LmGE": Link(Purpose.UNSUBSCRIBE, 1, 1),
        "AQL____________EBHhM1J1s9H4Tr8o": Link(Purpose.PREFERENCES, LAST_CUSTOMER, LAST_TOUCH),
    }
    assert {token: OLD.read(token) for token in frozen} == frozen
    assert [OLD.token(link) for link in frozen.values()] == list(frozen)


def test_purposes_keep_their_numbers() -> None:
    assert {purpose.name: purpose.value for purpose in Purpose} == {"UNSUBSCRIBE": 1, "PREFERENCES": 2}


@given(links)
def test_a_token_says_what_was_put_in(link: Link) -> None:
    token = NEW.token(link)
    assert len(token) == 31
    assert set(token) <= set(URL_CHARACTERS)
    assert NEW.read(token) == link


@given(links)
def test_a_token_is_key_purpose_customer_touch_and_a_signature(link: Link) -> None:
    raw = urlsafe_b64decode(NEW.token(link) + "=")
    assert (raw[0], raw[1], len(raw)) == (2, link.purpose, 23)
    assert int.from_bytes(raw[2:6], "big") == link.customer_id
    assert int.from_bytes(raw[6:11], "big") == link.touch_id


@given(links, st.integers(0, 30), st.sampled_from(URL_CHARACTERS))
def test_any_changed_character_is_refused(link: Link, at: int, character: str) -> None:
    token = NEW.token(link)
    changed = token[:at] + character + token[at + 1 :]
    assert NEW.read(changed) == (link if changed == token else None)


@given(st.text(max_size=40))
def test_any_other_text_is_refused(text: str) -> None:
    assert NEW.read(text) is None


@given(st.text(alphabet=st.characters(max_codepoint=127), min_size=31, max_size=31))
def test_any_other_text_of_that_length_is_refused(text: str) -> None:
    assert NEW.read(text) is None


def test_only_the_one_spelling_that_we_write_is_ours() -> None:
    token = OLD.token(LINK)
    spare = URL_CHARACTERS[URL_CHARACTERS.index(token[-1]) ^ 1]  # two bits of the last character mean nothing
    assert urlsafe_b64decode(token[:-1] + spare + "=") == urlsafe_b64decode(token + "=")
    assert OLD.read(token[:-1] + spare) is None


@given(links)
def test_the_newest_key_signs_and_old_ones_still_verify(link: Link) -> None:
    assert NEW.read(OLD.token(link)) == link
    assert OLD.read(NEW.token(link)) is None


def test_the_same_key_id_with_another_secret_is_refused() -> None:
    other = Signer("https://mail.example.com", {1: b"another secret"})
    assert other.read(OLD.token(LINK)) is None


def test_a_purpose_that_is_not_known_yet_is_refused_though_its_signature_is_right() -> None:
    token = OLD.token(Link(3, 1, 1))  # type: ignore[arg-type]  # what a later version may write
    assert OLD.read(token) is None


@pytest.mark.parametrize("link", [Link(Purpose.UNSUBSCRIBE, LAST_CUSTOMER + 1, 1), Link(Purpose.UNSUBSCRIBE, 1, 2**40)])
def test_an_id_that_does_not_fit_is_an_error_and_no_other_persons_token(link: Link) -> None:
    with pytest.raises(OverflowError):
        OLD.token(link)


def test_a_url_names_its_purpose_in_its_path() -> None:
    assert OLD.url(LINK) == f"https://mail.example.com/u/{OLD.token(LINK)}"
    assert OLD.url(Link(Purpose.PREFERENCES, 1, 1)).startswith("https://mail.example.com/p/")


def test_a_signature_for_something_else_is_no_link() -> None:
    import hashlib
    import hmac

    body = bytes([1, 1]) + bytes(9)
    bare = hmac.new(KEYS[1], body, hashlib.sha256).digest()[:12]
    assert OLD.read(urlsafe_b64encode(body + bare).decode().rstrip("=")) is None
