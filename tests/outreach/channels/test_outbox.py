"""The outbox: a file a mail, under its touch's number; what it can't write has not left, and it can prove what has."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from crm_store.content.workspace import load_workspace
from crm_store.errors import ContentError
from outreach.channels import channel_for
from outreach.channels.base import NotAccepted, Proof
from outreach.channels.outbox import Outbox, as_message
from tests.outreach.channels.benches import MAIL, REQUEST, mails, outbox, saying, soon
from tests.world import Shop


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_is_named_by_its_touch(tmp_path: Path) -> None:
    next(outbox(tmp_path)).send(REQUEST, [replace(MAIL, touch_id=7), replace(MAIL, touch_id=1_234_567)])
    assert files(tmp_path) == ["0000/0000007.eml", "1234/1234567.eml"]


def test_a_file_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    for subject in ("first", "second", "third"):
        next(outbox(tmp_path)).send(REQUEST, [saying(MAIL, subject=subject)])
    assert files(tmp_path) == ["0000/0000007-2.eml", "0000/0000007-3.eml", "0000/0000007.eml"]
    assert b"Subject: first" in (tmp_path / "0000/0000007.eml").read_bytes()


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    next(outbox(tmp_path)).send(REQUEST, mails(3))
    assert all(name.endswith(".eml") for name in files(tmp_path))


def test_lines_end_as_mail_servers_want_them(tmp_path: Path) -> None:
    raw = as_message(MAIL).as_bytes()
    assert raw.count(b"\n") == raw.count(b"\r\n")


def test_the_folder_is_the_one_of_the_settings(plain_shop: Shop) -> None:
    settings = (plain_shop.root / "config/rapport.yaml").read_text()
    plain_shop.write({"config/rapport.yaml": settings + "outbox: out/of/here\n"})
    channel = channel_for("email", load_workspace(plain_shop.root).settings, plain_shop.root)
    channel.announce(REQUEST)
    channel.send(REQUEST, [MAIL], soon())
    assert files(plain_shop.root / "out/of/here") == ["0000/0000007.eml"]


def test_a_provider_that_is_not_known_is_refused_with_a_suggestion(plain_shop: Shop) -> None:
    settings = (plain_shop.root / "config/rapport.yaml").read_text()
    plain_shop.write({"config/rapport.yaml": settings + "channels: {email: outbx}\n"})
    with pytest.raises(ContentError, match=r"rapport.yaml:5: provider 'outbx' is not known; did you mean 'outbox'"):
        channel_for("email", load_workspace(plain_shop.root).settings, plain_shop.root)


@pytest.fixture(params=["/proc/outbox", "a plain file", "below a plain file"])
def unwritable(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder in which nobody can write, not even root."""
    (tmp_path / "file").write_text("in the way")
    return {"a plain file": tmp_path / "file", "below a plain file": tmp_path / "file/out"}.get(
        request.param, Path(request.param)
    )


def test_a_folder_that_can_not_be_written_is_a_definite_no_that_says_what_to_do(unwritable: Path) -> None:
    with pytest.raises(NotAccepted, match="outbox can't be written") as no:
        Outbox(unwritable).announce(REQUEST)
    assert str(no.value.stopped).startswith(f"outbox {unwritable} can't be written: ")
    assert "mend the folder" in str(no.value.stopped)


def test_trouble_is_seen_without_sending_and_looking_leaves_nothing_behind(tmp_path: Path, unwritable: Path) -> None:
    assert (Outbox(unwritable).trouble() or "").startswith(f"outbox {unwritable} can't be written: ")
    assert Outbox(tmp_path / "new/outbox").trouble() is None
    assert not (tmp_path / "new").exists()
    assert Outbox(tmp_path).trouble() is None
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_disk_that_is_full_after_a_mail_refuses_the_rest_for_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room, real_link = iter([True]), os.link

    def link(source: Path, target: Path) -> None:
        if not next(room, False):
            raise OSError(errno.ENOSPC, "No space left on device")
        real_link(source, target)

    monkeypatch.setattr("outreach.channels.outbox.os.link", link)
    answer = next(outbox(tmp_path)).send(REQUEST, mails(3))
    assert (list(answer.accepted), answer.doubtful) == ([1], {})
    assert {touch: (one.permanent, one.gives_up) for touch, one in answer.refused.items()} == dict.fromkeys(
        (2, 3), (False, False)
    )
    assert "No space left on device" in (answer.stopped or "")
    assert files(tmp_path) == ["0000/0000001.eml"]


def test_whoever_comes_after_the_deadline_writes_nothing(tmp_path: Path) -> None:
    channel = Outbox(tmp_path)
    channel.announce(REQUEST)
    with pytest.raises(NotAccepted, match="lease"):
        channel.send(REQUEST, [MAIL], 0.0)
    assert files(tmp_path) == []


def test_it_proves_what_is_there_and_what_is_not(tmp_path: Path) -> None:
    channel = Outbox(tmp_path)
    channel.announce(REQUEST)
    first, second = mails(2)
    channel.send(REQUEST, [first], soon())
    wanted = {one.touch_id: one.message_id for one in (first, second)}
    for _ in range(2):  # whoever asks again is told the same
        assert channel.look_up(REQUEST, wanted) == Proof({1: first.message_id}, frozenset({2}))


def test_once_it_has_proven_that_a_mail_is_not_there_its_sender_can_not_put_it_there(tmp_path: Path) -> None:
    slow = Outbox(tmp_path)
    slow.announce(REQUEST)
    assert Outbox(tmp_path).look_up(REQUEST, {7: MAIL.message_id}).refused == {7}
    answer = slow.send(REQUEST, [MAIL], soon())
    assert (answer.accepted, list(answer.refused)) == ({}, [7])
    assert files(tmp_path) == []


def test_of_a_request_that_was_not_announced_here_it_proves_only_what_is_there(tmp_path: Path) -> None:
    next(outbox(tmp_path)).send(REQUEST, [MAIL])
    assert Outbox(tmp_path).look_up("another", {7: MAIL.message_id, 8: "<8@shop.example>"}) == Proof({7: MAIL.message_id})


def test_a_mail_of_an_older_store_under_the_same_number_proves_nothing(tmp_path: Path) -> None:
    next(outbox(tmp_path)).send(REQUEST, [MAIL])
    Outbox(tmp_path).announce("another")
    assert Outbox(tmp_path).look_up("another", {7: "<7.other@shop.example>"}) == Proof({}, frozenset({7}))


def test_a_settled_request_leaves_nothing_but_its_mails(tmp_path: Path) -> None:
    next(outbox(tmp_path)).send(REQUEST, mails(2))
    Outbox(tmp_path).announce("another")
    Outbox(tmp_path).look_up("another", {})
    Outbox(tmp_path).settled("another")
    assert list((tmp_path / ".sending").iterdir()) == []


def test_a_drain_brings_the_page_that_shows_the_outbox_up_to_date(tmp_path: Path) -> None:
    channel = Outbox(tmp_path)
    for number, one in enumerate(mails(2)):
        channel.announce(str(number))
        channel.send(str(number), [one], soon())
        channel.drained()
        assert f"Outbox: {number + 1} mails" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert (tmp_path / "0000/0000002.html").is_file()


def test_a_page_that_can_not_be_written_does_no_harm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "index.html").mkdir()
    channel = Outbox(tmp_path)
    channel.announce(REQUEST)
    channel.send(REQUEST, [MAIL], soon())
    channel.drained()
    assert "index.html can't be brought up to date" in caplog.text
