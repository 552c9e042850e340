"""What is kept of mails: the shell once, the holes with the touch, for a time; and that it gives the mail again."""

from __future__ import annotations

import json
import zlib
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from console.preview import preview_mail
from crm_store.errors import StoreError
from crm_store.ledger.kept import forget_mails, shell_of
from crm_store.schema import customer, shell, touch, touch_values
from outreach.channels.base import Mail
from outreach.channels.gallery import part
from outreach.delivery import _body_hash
from outreach.rendering.renderer import WORTH_IT
from outreach.rendering.said import Part, Said, Shell
from tests.world import NOON, Shop

WELCOME = "kind: nurture\nstatus: live\ntopic: offers\nenter: {event: order}\nsteps: [{send: hello}]"
BODY = """\
<p>Dear {{ customer.first_name or 'you' }}, a sentence that all of these mails share with each other.</p>
<p>Another one of them, for good measure. <a href="{{ links.unsubscribe }}">leave</a></p>
"""
PEOPLE = WORTH_IT + 1


@pytest.fixture
def sent(shop: Shop) -> Shop:
    """So many customers that their mails share a shell; all mails are sent."""
    shop.campaign("welcome", WELCOME)
    shop.write({"templates/hello/body.html.j2": BODY})
    for number in range(PEOPLE):
        shop.customer(f"c{number}", first_name=f"Zoë <{number}>" if number else "return\r\nhere")
        shop.event(f"c{number}", "order", NOON - timedelta(hours=1))
    shop.publish()
    shop.tick()
    return shop


def kept(shop: Shop) -> list[Any]:
    """What is kept of each mail."""
    with shop.store.read() as conn:
        return [json.loads(zlib.decompress(one)) for one in conn.execute(select(touch_values.c.packed)).scalars()]


def shells(shop: Shop) -> list[str]:
    with shop.store.read() as conn:
        return list(conn.execute(select(shell.c.hash)).scalars())


def test_a_batch_keeps_one_shell_and_of_each_mail_its_holes(sent: Shop) -> None:
    (hash_,) = shells(sent)
    rows = kept(sent)
    shared = [row for row in rows if "shell" in row]
    assert {row["shell"] for row in shared} == {hash_}
    assert (len(rows), len(shared)) == (PEOPLE, PEOPLE - 1)
    assert all("sentence" not in json.dumps(row) for row in rows)
    assert {row["to"] for row in shared} == {f"c{number}@example.com" for number in range(1, PEOPLE)}
    sent.tick()
    assert shells(sent) == [hash_]


def test_the_preview_of_each_sent_mail_is_that_mail_byte_for_byte(sent: Shop) -> None:
    mails = {mail["To"].addresses[0].addr_spec: mail for mail in sent.mails()}
    assert len(mails) == PEOPLE
    for number in (0, 1, PEOPLE - 1):
        mail = mails[f"c{number}@example.com"]
        seen = preview_mail(sent.workspace, sent.store, NOON, "welcome", "hello", f"c{number}")
        assert (seen.text.encode(), seen.html.encode()) == (part(mail, "plain").encode(), part(mail, "html").encode())
        assert (seen.headers["Subject"], seen.headers["To"]) == (mail["Subject"], f"c{number}@example.com")


def test_it_stays_so_after_customer_and_template_have_changed(sent: Shop) -> None:
    before = preview_mail(sent.workspace, sent.store, NOON, "welcome", "hello", "c1")
    sent.customer("c1", first_name="Other", email="other@example.com")
    sent.write({"templates/hello/body.html.j2": "<p>other</p>"})
    sent.publish()
    assert preview_mail(sent.workspace, sent.store, NOON, "welcome", "hello", "c1") == before


def test_values_as_an_older_store_kept_them_give_the_mail_too(sent: Shop) -> None:
    before = preview_mail(sent.workspace, sent.store, NOON, "welcome", "hello", "c0")
    (values,) = (row["values"] for row in kept(sent) if "values" in row)
    bare = zlib.compress(json.dumps(values).encode())
    whose = select(touch.c.id).join(customer, customer.c.id == touch.c.customer_id).where(customer.c.key == "c0")
    sent.store.write(
        lambda conn: conn.execute(update(touch_values).where(touch_values.c.touch_id.in_(whose)).values(packed=bare))
    )
    assert preview_mail(sent.workspace, sent.store, NOON, "welcome", "hello", "c0") == before


def test_the_hash_of_a_request_changes_with_any_address_shell_or_hole() -> None:
    def mail(to: str, piece: str, *holes: str) -> Mail:
        whole = Shell(Part(("x",), ()), Part(("x",), ()), Part((piece, "", ""), (0, 1)))
        return Mail(1, "<1@x>", "from@example.com", "Shop", None, to, "", Said(whole, holes), NOON)

    first = [mail("a@example.com", "p", "1", "2"), mail("b@example.com", "p", "1", "2")]
    others = [
        [first[0], mail("c@example.com", "p", "1", "2")],
        [first[0], mail("b@example.com", "q", "1", "2")],
        [first[0], mail("b@example.com", "p", "1", "3")],
        [first[1], first[0]],
        first[:1],
    ]
    assert _body_hash(first) == _body_hash([mail("a@example.com", "p", "1", "2"), mail("b@example.com", "p", "1", "2")])
    assert len({_body_hash(one) for one in [first, *others]}) == 6


def test_mails_are_forgotten_after_a_time_and_their_shells_are_not(sent: Shop) -> None:
    sent.write(
        {"config/rapport.yaml": (sent.root / "config/rapport.yaml").read_text() + "delivery: {keep_mails: 30 days}\n"}
    )
    sent.publish()
    sent.deliver(NOON + timedelta(days=30))
    assert len(kept(sent)) == PEOPLE
    sent.deliver(NOON + timedelta(days=30, seconds=1))
    assert (kept(sent), len(shells(sent))) == ([], 1)
    assert "SAMPLE" in preview_mail(sent.workspace, sent.store, NOON, "welcome", "hello", "c1").headers["Status"]


def test_an_erased_customers_mail_is_forgotten_by_the_next_delivery(sent: Shop) -> None:
    sent.store.write(lambda conn: conn.execute(update(customer).where(customer.c.key == "c1").values(erased_at=NOON)))
    sent.deliver()
    assert (len(kept(sent)), "Zoë <1>" in json.dumps(kept(sent), ensure_ascii=False)) == (PEOPLE - 1, False)


def test_mails_are_forgotten_in_slices(sent: Shop) -> None:
    later = NOON + timedelta(days=1)
    slices = [sent.store.write(forget_mails, later, 8) for _ in range(4)]
    assert slices == [8, 8, PEOPLE - 16, 0]


def test_a_shell_that_is_not_there_is_a_damaged_store(shop: Shop) -> None:
    with shop.store.read() as conn, pytest.raises(StoreError, match=r"shell abc .* the store is damaged"):
        shell_of(conn, "abc")
