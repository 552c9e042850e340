"""The outbox: a file a mail, under its touch's number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from crm_store.content.workspace import load_workspace
from crm_store.errors import UsageError
from outreach.channels import channel_for
from outreach.channels.outbox import Outbox, as_message
from tests.outreach.channels.benches import MAIL, REQUEST, mails
from tests.world import Shop


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_is_named_by_its_touch(tmp_path: Path) -> None:
    Outbox(tmp_path).send(REQUEST, [replace(MAIL, touch_id=7), replace(MAIL, touch_id=1_234_567)])
    assert files(tmp_path) == ["0000/0000007.eml", "1234/1234567.eml"]


def test_a_file_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    for subject in ("first", "second", "third"):
        Outbox(tmp_path).send(REQUEST, [replace(MAIL, subject=subject)])
    assert files(tmp_path) == ["0000/0000007-2.eml", "0000/0000007-3.eml", "0000/0000007.eml"]
    assert b"Subject: first" in (tmp_path / "0000/0000007.eml").read_bytes()


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    Outbox(tmp_path).send(REQUEST, mails(3))
    assert all(name.endswith(".eml") for name in files(tmp_path))


def test_lines_end_as_mail_servers_want_them(tmp_path: Path) -> None:
    raw = as_message(MAIL).as_bytes()
    assert raw.count(b"\n") == raw.count(b"\r\n")


def test_the_folder_is_the_one_of_the_settings(plain_shop: Shop) -> None:
    settings = (plain_shop.root / "config/rapport.yaml").read_text()
    plain_shop.write({"config/rapport.yaml": settings + "outbox: out/of/here\n"})
    channel = channel_for("email", load_workspace(plain_shop.root).settings, plain_shop.root)
    channel.send(REQUEST, [MAIL])
    assert files(plain_shop.root / "out/of/here") == ["0000/0000007.eml"]


def test_a_provider_that_is_not_known_is_refused_with_a_suggestion(plain_shop: Shop) -> None:
    settings = (plain_shop.root / "config/rapport.yaml").read_text()
    plain_shop.write({"config/rapport.yaml": settings + "channels: {email: outbx}\n"})
    with pytest.raises(UsageError, match=r"provider 'outbx' in config/rapport.yaml, .*; did you mean 'outbox'"):
        channel_for("email", load_workspace(plain_shop.root).settings, plain_shop.root)
