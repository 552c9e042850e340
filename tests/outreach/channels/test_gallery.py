"""The gallery shows an outbox in a browser, and nothing in a mail can do anything there."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from pathlib import Path

from outreach.channels.gallery import refresh_gallery, write_gallery
from tests.outreach.channels.benches import MAIL, REQUEST, mails, outbox, saying

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def test_no_mails_no_gallery(tmp_path: Path) -> None:
    assert write_gallery(tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_the_index_lists_every_mail_with_its_page_newest_first(tmp_path: Path) -> None:
    next(outbox(tmp_path)).send(REQUEST, mails(3))
    index = write_gallery(tmp_path)
    assert index == tmp_path / "index.html"
    shown = index.read_text(encoding="utf-8")
    assert "Outbox: 3 mails" in shown
    assert [shown.index(f"0000/000000{number}.html") for number in (3, 2, 1)] == sorted(
        shown.index(f"0000/000000{number}.html") for number in (1, 2, 3)
    )
    assert all((tmp_path / f"0000/000000{number}.html").is_file() for number in (1, 2, 3))


def test_a_page_shows_headers_and_both_parts(tmp_path: Path) -> None:
    next(outbox(tmp_path)).send(REQUEST, [saying(MAIL, text="The text & more\n", html="<p>The HTML</p>\n")])
    write_gallery(tmp_path)
    page = (tmp_path / "0000/0000007.html").read_text(encoding="utf-8")
    for said in ("Hello Ann", "Ann Smith &lt;ann@example.com&gt;", "List-Unsubscribe", "The text &amp; more"):
        assert said in page
    assert 'srcdoc="&lt;p&gt;The HTML&lt;/p&gt;' in page


def test_the_mail_is_shown_in_a_sandbox(tmp_path: Path) -> None:
    next(outbox(tmp_path)).send(REQUEST, [saying(MAIL, html=f"<p>{HOSTILE}</p>\n")])
    write_gallery(tmp_path)
    page = (tmp_path / "0000/0000007.html").read_text(encoding="utf-8")
    assert page.count("<iframe sandbox srcdoc=") == 1
    assert "<script" not in page
    assert HOSTILE in unescape(page)


def test_hostile_headers_and_texts_are_escaped(tmp_path: Path) -> None:
    next(outbox(tmp_path)).send(REQUEST, [saying(replace(MAIL, to_name=HOSTILE), subject=HOSTILE, text=HOSTILE)])
    index = write_gallery(tmp_path)
    assert index is not None
    for page in (index, tmp_path / "0000/0000007.html"):
        assert "<script" not in page.read_text(encoding="utf-8")
        assert "<img" not in page.read_text(encoding="utf-8")


def test_a_second_gallery_shows_what_came_since(tmp_path: Path) -> None:
    for number in (1, 2):
        next(outbox(tmp_path)).send(REQUEST, [replace(MAIL, touch_id=number)])
        index = write_gallery(tmp_path)
    assert index is not None
    assert "Outbox: 2 mails" in index.read_text(encoding="utf-8")


def test_the_page_made_of_a_mail_is_the_one_made_of_its_file(tmp_path: Path) -> None:
    for folder in ("known", "read"):
        next(outbox(tmp_path / folder)).send(REQUEST, [MAIL])
    refresh_gallery(tmp_path / "known", {tmp_path / "known/0000/0000007.eml": MAIL})
    write_gallery(tmp_path / "read")
    for page in ("index.html", "0000/0000007.html"):
        assert (tmp_path / "known" / page).read_text() == (tmp_path / "read" / page).read_text()


def test_pages_that_are_there_are_not_made_again(tmp_path: Path) -> None:
    next(outbox(tmp_path)).send(REQUEST, mails(2))
    write_gallery(tmp_path)
    page = tmp_path / "0000/0000001.html"
    page.write_text("looked at")
    (tmp_path / "0000/0000002.html").unlink()
    write_gallery(tmp_path)
    assert page.read_text() == "looked at"
    assert (tmp_path / "0000/0000002.html").is_file()


def test_a_page_of_an_older_mail_with_the_same_number_is_made_anew(tmp_path: Path) -> None:
    next(outbox(tmp_path)).send(REQUEST, [saying(MAIL, subject="old")])
    write_gallery(tmp_path)
    (tmp_path / "0000/0000007.eml").unlink()
    next(outbox(tmp_path)).send(REQUEST, [saying(MAIL, subject="new")])
    index = write_gallery(tmp_path)
    assert index is not None
    assert "new" in index.read_text()
    assert "new" in (tmp_path / "0000/0000007.html").read_text()
