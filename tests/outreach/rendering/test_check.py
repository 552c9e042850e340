"""`rapport check` finds what is wrong with templates before a customer does: with file and line, all at once."""

from __future__ import annotations

import re

import pytest

from crm_store.errors import ContentError
from tests.world import OFFER_MAIL, Shop

CAMPAIGN = """\
kind: nurture
topic: offers
enter: {event: order}
offers: {gift: {gift: a cup, code: unique, valid: 3 days}}
steps:
  - send: hello
  - {send: gift, offer: gift}
"""


def faults(shop: Shop) -> list[str]:
    with pytest.raises(ContentError) as raised:
        shop.check()
    return str(raised.value).splitlines()


def body(shop: Shop, text: str, mail: str = "hello") -> None:
    shop.write({f"templates/{mail}/body.html.j2": text})


@pytest.fixture
def shop(plain_shop: Shop) -> Shop:
    plain_shop.campaign("welcome", CAMPAIGN)
    return plain_shop


def test_a_good_workspace_has_no_faults(shop: Shop) -> None:
    assert list(shop.check().campaigns) == ["welcome"]


FULL, BARE = "(tried with a sample customer with every value)", "(tried with a sample customer with nothing but an address)"
BROKEN = {
    "<p>\n{% if %}</p>": "2: not Jinja: Expected an expression, got 'end of statement block'",
    "<p>{{ custmer.first_name }}</p>": "1: 'custmer' is not known; did you mean 'customer'?",
    "\n<p>{{ customer.frist_name }}</p>": f"2: 'customer.frist_name' is not known; did you mean 'first_name'? {FULL}",
    "\n\n<p>Dear {{ customer.first_name }}</p>": "3: 'customer.first_name' has no value here; write e.g. "
    f"{{{{ customer.first_name or 'there' }}}} {BARE}",
    "<p>{{ customer.age }}</p>": f"1: 'customer.age' is not known; did you mean 'stage'? {FULL}",
    "<p>{{ event.cart }}</p>": f"1: 'event.cart' is not known; did you mean 'cart_id'? {FULL}",
    "<p>{{ event.amount | money }}</p>": "1: 'event.amount' has no value here; write e.g. "
    f"{{{{ event.amount | money if event.amount else '' }}}} {BARE}",
    "x\n{% include 'parts/fotter.html.j2' %}": "2: template 'templates/parts/fotter.html.j2' is not there; did you mean "
    "'templates/parts/footer.html.j2'?",
    "{% include customer.first_name %}": "1: extends, include and import must name their template as a text",
    "<p>{{ offer.code }}</p>": "1: 'offer' has no value here; write e.g. {{ offer.code if offer else '' }}; "
    f"step 'hello' at config/campaigns/welcome.yaml:6 has no `offer` {FULL}",
    "{% for i in range(2000) %}x{% endfor %}": f"1: range is longer than 1000 {FULL}",
    "<style>p { color: red }</style><div><p>x</p>": "1: CSS can't be inlined here: the HTML is not well nested by itself; "
    "keep table rows and their <table> in one file",
}


@pytest.mark.parametrize(("text", "fault"), BROKEN.items())
def test_a_fault_of_a_template_is_said_with_its_line(shop: Shop, text: str, fault: str) -> None:
    shop.write({"templates/parts/footer.html.j2": "bye"})
    body(shop, text)
    assert faults(shop) == [f"templates/hello/body.html.j2:{fault}"]


def test_a_template_that_includes_itself_is_a_fault(shop: Shop) -> None:
    body(shop, "{% include 'hello/body.html.j2' %}")
    assert faults(shop)[0].startswith("templates/hello/body.html.j2:1: maximum recursion depth exceeded")


def test_a_fault_in_a_part_is_said_where_it_stands(shop: Shop) -> None:
    shop.write({"templates/parts/footer.html.j2": "bye\n{{ customer.last_name }}"})
    body(shop, "<p>x</p>{% include 'parts/footer.html.j2' %}")
    assert faults(shop)[0].startswith("templates/parts/footer.html.j2:2: 'customer.last_name' has no value here")


def test_a_part_may_use_what_the_mail_around_it_sets(shop: Shop) -> None:
    shop.write({"templates/parts/row.html.j2": "<p>{{ number }}{{ accent }}</p>"})
    body(shop, "{% set accent = 'red' %}{% for number in range(2) %}{% include 'parts/row.html.j2' %}{% endfor %}")
    assert shop.check().campaigns


def test_a_macro_and_an_import_may_stand_under_a_condition(shop: Shop) -> None:
    made = (
        "{% if customer.first_name %}{% macro m(a) %}{{ a }}{% endmacro %}{% import 'parts/p.html.j2' as p %}{% endif %}x"
    )
    shop.write({"templates/hello/body.html.j2": made, "templates/parts/p.html.j2": "{% macro q() %}q{% endmacro %}"})
    assert shop.check().campaigns


@pytest.mark.parametrize("said", ["from 'parts/m.html.j2' import b as c", "import 'parts/m.html.j2' as c"])
def test_a_block_may_use_what_its_file_imports(shop: Shop, said: str) -> None:
    call = "c('x')" if "from" in said else "c.b('x')"
    shop.write({"templates/parts/m.html.j2": "{% macro b(word) %}<b>{{ word }}</b>{% endmacro %}"})
    shop.write({"templates/layouts/l.html.j2": "<html><body>{% block main %}{% endblock %}</body></html>"})
    page = f"{{% extends 'layouts/l.html.j2' %}}{{% {said} %}}{{% block main %}}{{{{ {call} }}}}{{% endblock %}}"
    body(shop, page)
    shop.check()


def test_a_subject_is_tried_too(shop: Shop) -> None:
    shop.write({"templates/hello/subject.j2": "Dear {{ customer.first_name }}"})
    assert faults(shop)[0].startswith("templates/hello/subject.j2:1: 'customer.first_name' has no value here")


def test_a_given_text_is_tried_too(shop: Shop) -> None:
    shop.write({"templates/hello/body.txt.j2": "Dear\n{{ customer.first_name }}"})
    assert faults(shop)[0].startswith("templates/hello/body.txt.j2:2: 'customer.first_name' has no value here")


def test_a_body_without_a_subject_is_a_fault(shop: Shop) -> None:
    shop.write({"templates/lone/body.html.j2": "x"})
    assert faults(shop) == ["templates/lone:1: template 'templates/lone/subject.j2' is not there"]


def test_a_subject_under_a_mistyped_name_is_suggested(shop: Shop) -> None:
    shop.write({"templates/lone/body.html.j2": "x", "templates/lone/subjct.j2": "x"})
    assert faults(shop)[0] == (
        "templates/lone:1: template 'templates/lone/subject.j2' is not there; did you mean 'templates/lone/subjct.j2'?"
    )


def test_a_file_in_a_mails_folder_that_nothing_reads_is_a_fault(shop: Shop) -> None:
    shop.write({"templates/hello/body.tx.j2": "x", "templates/hello/part.html.j2": "x"})
    body(shop, "{% include 'hello/part.html.j2' %}{{ links.unsubscribe }}")
    assert faults(shop) == ["templates/hello/body.tx.j2:1: is not read by any mail; did you mean 'body.txt.j2'?"]


ADVICE = re.compile(r"write e\.g\. (\{\{.*?\}\})")


@pytest.mark.parametrize("value", ["customer.first_name", "customer.birthday", "event.amount", "offer.code", "event.store"])
def test_the_advice_for_a_value_that_is_missing_works(shop: Shop, value: str) -> None:
    body(shop, f"x {{{{ {value} }}}}")
    (advice,) = ADVICE.findall(faults(shop)[0])
    body(shop, f"x {advice}")
    assert shop.check().campaigns


def test_a_mail_whose_event_is_missing_altogether_is_advised_to_ask_for_it(shop: Shop) -> None:
    shop.campaign("birthday", "kind: occasion\ntopic: offers\nenter: {date: birthday}\nsteps: [{send: again}]\n")
    body(shop, "{{ event.amount | money }}", "again")
    (advice,) = ADVICE.findall(faults(shop)[0])
    body(shop, f"x {advice}", "again")
    assert shop.check().campaigns


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("subject.j2", "\n", f"subject.j2:1: the subject is empty {FULL}"),
        ("subject.j2", "{{ customer.first_name or '' }}", f"subject.j2:1: the subject is empty {BARE}"),
        ("body.html.j2", "<p></p>\n", f"body.html.j2:1: the mail is empty {FULL}"),
    ],
)
def test_an_empty_subject_or_mail_is_a_fault(shop: Shop, file: str, text: str, said: str) -> None:
    shop.write({f"templates/hello/{file}": text})
    assert faults(shop) == [f"templates/hello/{said}"]


def test_what_the_law_wants_and_a_mail_lacks_is_a_hint(shop: Shop) -> None:
    body(shop, "<p>Hello</p>")
    body(shop, "<p>Hello</p><p>{{ company.address }}</p><a href='{{ links.preferences }}'>your mails</a>", "gift")
    assert [str(hint) for hint in shop.check().hints] == [
        "templates/hello/body.html.j2:1: has no link to unsubscribe; put {{ links.unsubscribe }} into it",
        "templates/hello/body.html.j2:1: does not say the company's postal address; put {{ company.address }} into it",
    ]


def test_a_mail_that_batches_can_not_share_is_a_hint_with_its_line(shop: Shop) -> None:
    lawful = "<p>{{ company.address }}</p>\n<a href='{{ links.preferences }}'>your mails</a>\n"
    for mail, text in (("hello", lawful + "{% for x in [1] recursive %}{{ x }}{% endfor %}"), ("gift", lawful)):
        body(shop, text, mail)
    assert [str(hint) for hint in shop.check().hints] == [
        "templates/hello/body.html.j2:3: a recursive loop: these mails are rendered one by one, which takes longer"
    ]


@pytest.mark.parametrize("orphan", ["subject.j2", "body.txt.j2"])
def test_a_subject_or_text_without_a_body_is_a_fault(shop: Shop, orphan: str) -> None:
    shop.write({f"templates/lone/{orphan}": "x"})
    assert faults(shop) == [
        f"templates/lone/{orphan}:1: stands beside no body.html.j2; a mail needs subject.j2 and body.html.j2"
    ]


def test_a_template_that_is_not_there_is_a_fault_of_the_campaign(shop: Shop) -> None:
    shop.campaign("welcome", CAMPAIGN.replace("send: hello", "send: helo"))
    assert faults(shop) == ["config/campaigns/welcome.yaml:6: template 'helo' is not in templates/; did you mean 'hello'?"]


def test_all_faults_of_all_files_are_said_at_once(shop: Shop) -> None:
    body(shop, "{{ custmer }}\n{{ evnt }}")
    body(shop, "{{ offr.code }}", "gift")
    shop.segment("regulars", "event: ordr")
    shop.campaign("second", CAMPAIGN.replace("send: hello", "send: helo"))
    assert [fault.partition(": ")[0] for fault in faults(shop)] == [
        "config/campaigns/second.yaml:6",
        "segments/regulars.yaml:2",
        "templates/gift/body.html.j2:1",
        "templates/hello/body.html.j2:1",
        "templates/hello/body.html.j2:2",
    ]


def test_a_mail_that_no_campaign_sends_is_read_but_not_tried(shop: Shop) -> None:
    shop.write({"templates/lone/subject.j2": "x", "templates/lone/body.html.j2": "{{ offer.code }}"})
    assert shop.check().campaigns


def test_an_offer_mail_is_tried_with_its_offer(shop: Shop) -> None:
    body(shop, OFFER_MAIL["body.html.j2"] + "{{ offer.valid_until | date }} {{ offer.benefit }}", "gift")
    assert shop.check().campaigns


def test_a_provider_that_is_not_known_is_a_fault_of_the_settings(shop: Shop) -> None:
    settings = (shop.root / "config/rapport.yaml").read_text()
    shop.write({"config/rapport.yaml": settings + "channels:\n  email: outbx\n"})
    assert faults(shop) == ["config/rapport.yaml:6: provider 'outbx' is not known; did you mean 'outbox'?"]
