"""The gallery shows an outbox in a browser, and nothing in a mail can do anything there."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from pathlib import Path

from outreach.channels.gallery import write_gallery
from outreach.channels.outbox import Outbox
from tests.outreach.channels.benches import MAIL, REQUEST, mails

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def test_no_mails_no_gallery(tmp_path: Path) -> None:
    assert write_gallery(tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_the_index_lists_every_mail_with_its_page_newest_first(tmp_path: Path) -> None:
    Outbox(tmp_path).send(REQUEST, mails(3))
    index = write_gallery(tmp_path)
    assert index == tmp_path / "index.html"
    shown = index.read_text(encoding="utf-8")
    assert "Outbox: 3 mails" in shown
    assert [shown.index(f"0000/000000{number}.html") for number in (3, 2, 1)] == sorted(
        shown.index(f"0000/000000{number}.html") for number in (1, 2, 3)
    )
    assert all((tmp_path / f"0000/000000{number}.html").is_file() for number in (1, 2, 3))


def test_a_page_shows_headers_and_both_parts(tmp_path: Path) -> None:
    Outbox(tmp_path).send(REQUEST, [replace(MAIL, text="The text & more\n", html="<p>The HTML</p>\n")])
    write_gallery(tmp_path)
    page = (tmp_path / "0000/0000007.html").read_text(encoding="utf-8")
    for said in ("Hello Ann", "Ann Smith &lt;ann@example.com&gt;", "List-Unsubscribe", "The text &amp; more"):
        assert said in page
    assert 'srcdoc="&lt;p&gt;The HTML&lt;/p&gt;' in page


def test_the_mail_is_shown_in_a_sandbox(tmp_path: Path) -> None:
    Outbox(tmp_path).send(REQUEST, [replace(MAIL, html=f"<p>{HOSTILE}</p>\n")])
    write_gallery(tmp_path)
    page = (tmp_path / "0000/0000007.html").read_text(encoding="utf-8")
    assert page.count("<iframe sandbox srcdoc=") == 1
    assert "<script" not in page
    assert HOSTILE in unescape(page)


def test_hostile_headers_and_texts_are_escaped(tmp_path: Path) -> None:
    Outbox(tmp_path).send(REQUEST, [replace(MAIL, subject=HOSTILE, to_name=HOSTILE, text=HOSTILE)])
    index = write_gallery(tmp_path)
    assert index is not None
    for page in (index, tmp_path / "0000/0000007.html"):
        assert "<script" not in page.read_text(encoding="utf-8")
        assert "<img" not in page.read_text(encoding="utf-8")


def test_a_second_gallery_shows_what_came_since(tmp_path: Path) -> None:
    for number in (1, 2):
        Outbox(tmp_path).send(REQUEST, [replace(MAIL, touch_id=number)])
        index = write_gallery(tmp_path)
    assert index is not None
    assert "Outbox: 2 mails" in index.read_text(encoding="utf-8")
