"""`channels` of rapport.yaml, in both forms: each key reaches the provider, and whole runs leave by it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from crm_store.content.workspace import load_workspace
from crm_store.schema import customer, follow_up, request, touch
from outreach.channels import PROVIDERS, channel_for, sendgrid, smtp, webhook
from outreach.channels import follow_up as tasks
from outreach.channels.base import ChannelStopped
from outreach.channels.fallback import WithFallback
from outreach.channels.outbox import Outbox
from outreach.publishing import channel_troubles
from tests.content.checking import SETTINGS_FILE, faults_of
from tests.content.test_settings_keys import WELCOME, settings
from tests.fakes.sendgrid import FakeSendGrid
from tests.fakes.smtp import FakeSmtp
from tests.outreach.channels.benches import in_environment
from tests.world import VOCABULARY, Shop

CALLS = f"{VOCABULARY}follow_ups: {{call: {{title: Call, outcomes: [reached, gone]}}, letter: {{}}}}\n"


def channels(**keys: object) -> str:
    """`channels` with an email channel of these keys."""
    return "{email: {" + ", ".join(f"{name}: {value}" for name, value in keys.items()) + "}}"


def made(root: Path, **keys: object) -> Any:
    shop = Shop(root, None)  # type: ignore[arg-type]  # no store is opened
    shop.write({SETTINGS_FILE: settings(channels=channels(**keys)), "config/vocabulary.yaml": CALLS})
    return channel_for("email", load_workspace(root).settings, root)


OPTIONS: Mapping[str, tuple[dict[str, object], object, object]] = {  # keys, what they mean, and what holds without them
    "sendgrid": (
        {"api_key_env": "KEY", "host": "https://api.eu.sendgrid.com", "categories": "[a, b]", "ip_pool": "pool",
         "sandbox": "yes", "per_request": 200},
        sendgrid.Options("KEY", "https://api.eu.sendgrid.com", ("a", "b"), "pool", True, 200),
        sendgrid.Options("SENDGRID_API_KEY", "https://api.sendgrid.com", (), None, False, 1_000),
    ),
    "smtp": (
        {"host": "mx.example.com", "port": 2525, "tls": "tls", "user": "shop", "password_env": "PASS", "parallel": 9,
         "per_request": 50, "bounces_to": "b@example.com"},
        smtp.Options("mx.example.com", 2525, "tls", "shop", "PASS", 9, 50, "b@example.com"),
        smtp.Options("mx.example.com", 587, "starttls", None, "SMTP_PASSWORD", 4, 100, None),
    ),
    "webhook": (
        {"url": "https://own.example/mails", "secret_env": "SECRET", "per_request": 5},
        webhook.Options("https://own.example/mails", "SECRET", 5),
        webhook.Options("https://own.example/mails", "RAPPORT_WEBHOOK_SECRET", 100),
    ),
    "follow_up": (
        {"kind": "call", "assignee": "desk", "within": "2 days"},
        tasks.Options("call", "desk", timedelta(days=2)),
        tasks.Options("call", None, None),
    ),
}  # fmt: skip
NEEDED = {"host", "url", "kind"}


def test_every_provider_with_keys_of_its_own_is_here() -> None:
    assert set(OPTIONS) == set(PROVIDERS) - {"outbox"}


@pytest.mark.parametrize("provider", OPTIONS)
def test_every_key_reaches_the_provider(tmp_path: Path, provider: str) -> None:
    keys, said, _ = OPTIONS[provider]
    channel = made(tmp_path, provider=provider, **keys)
    assert (channel.provider, channel.options) == (provider, said)


@pytest.mark.parametrize("provider", OPTIONS)
def test_keys_that_are_not_there_have_their_usual_values(tmp_path: Path, provider: str) -> None:
    keys, _, usual = OPTIONS[provider]
    needed = {name: value for name, value in keys.items() if name in NEEDED and (provider, name) != ("sendgrid", "host")}
    assert made(tmp_path, provider=provider, **needed).options == usual


@pytest.mark.parametrize(
    ("provider", "key", "value"), [("follow_up", "kind", "letter"), ("webhook", "url", "https://other.example/mails")]
)
def test_what_is_needed_is_as_it_is_written(tmp_path: Path, provider: str, key: str, value: str) -> None:
    assert getattr(made(tmp_path, provider=provider, **{key: value}).options, key) == value


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_usual_port_follows_from_tls(tmp_path: Path, tls: str, port: int) -> None:
    assert made(tmp_path, provider="smtp", host="x.example", tls=tls).options.port == port


def test_a_fallback_is_a_name_or_a_mapping_too(tmp_path: Path) -> None:
    plain = made(tmp_path, provider="sendgrid", fallback="outbox")
    assert isinstance(plain, WithFallback)
    assert isinstance(plain.second, Outbox)
    mapped = made(tmp_path, provider="sendgrid", fallback="{provider: smtp, host: mx.example.com}")
    assert mapped.second.options.host == "mx.example.com"
    other = made(tmp_path, provider="sendgrid", fallback="{provider: webhook, url: https://own.example/mails}")
    assert other.second.provider == "webhook"


@pytest.mark.parametrize("key", ["rate: 1/s", "connections: 2"])
def test_what_holds_for_a_channel_and_its_fallback_stands_beside_it(tmp_path: Path, key: str) -> None:
    text = settings(channels=channels(provider="outbox", fallback=f"{{provider: outbox, {key}}}"))
    said = f"a fallback has no {key.partition(':')[0]} of its own; write it beside `fallback`"
    assert faults_of(tmp_path, {SETTINGS_FILE: text}) == [f"{SETTINGS_FILE}:4: {said}"]


def test_a_task_is_of_a_kind_of_the_vocabulary(tmp_path: Path) -> None:
    keys = {SETTINGS_FILE: settings(channels=channels(provider="follow_up", kind="cal")), "config/vocabulary.yaml": CALLS}
    (fault,) = faults_of(tmp_path, keys)
    assert fault.endswith("follow-up 'cal' is not known in config/vocabulary.yaml; did you mean 'call'?")


def test_check_says_what_a_channel_lacks_and_where(tmp_path: Path) -> None:
    made(tmp_path, provider="sendgrid", api_key_env="RAPPORT_TEST_NOT_SET")
    (trouble,) = channel_troubles(load_workspace(tmp_path))
    assert str(trouble).startswith(
        "config/rapport.yaml:4: sendgrid has no API key: environment variable RAPPORT_TEST_NOT_SET"
    )


# Whole runs


def ready(shop: Shop, *keys: str, **channel: object) -> Shop:
    """These customers have signed up, and a welcome goes out by this channel."""
    shop.write({SETTINGS_FILE: settings(channels=channels(**channel)), "config/vocabulary.yaml": CALLS})
    shop.campaign("welcome", WELCOME)
    for key in keys:
        shop.customer(key)
        shop.event(key, "signed_up", timedelta(hours=1))
    shop.publish()
    return shop


def states(shop: Shop) -> dict[str, tuple[str, str | None]]:
    chosen = select(customer.c.key, touch.c.state, touch.c.reason).join(touch, touch.c.customer_id == customer.c.id)
    with shop.store.read() as conn:
        return {row.key: (row.state, row.reason) for row in conn.execute(chosen)}


def test_a_welcome_leaves_by_sendgrid_and_each_touch_once(shop: Shop) -> None:
    with FakeSendGrid() as fake, in_environment(RAPPORT_TEST_KEY=fake.key):
        ready(shop, "alice", "bob", provider="sendgrid", host=fake.url, api_key_env="RAPPORT_TEST_KEY").tick()
        assert set(states(shop).values()) == {("sent", None)}
        assert sorted(fake.counts().values()) == [1, 1]
        assert fake.refusals == []


def test_a_welcome_leaves_by_smtp(shop: Shop) -> None:
    with FakeSmtp(at_rcpt={"bob@example.com": "550 5.1.1 no such user"}) as fake:
        ready(shop, "alice", "bob", provider="smtp", host="127.0.0.1", port=fake.port, tls="none").tick()
        assert states(shop) == {"alice": ("sent", None), "bob": ("failed", "smtp_550")}
        assert fake.counts() == {"alice@example.com": 1}
        assert fake.faults == []


def test_a_welcome_becomes_a_task(shop: Shop) -> None:
    ready(shop, "alice", provider="follow_up", kind="call", assignee="desk").tick()
    assert states(shop) == {"alice": ("sent", None)}
    with shop.store.read() as conn:
        row = conn.execute(select(follow_up)).one()
    assert (row.kind, row.assignee, row.note.partition("\n")[0]) == ("call", "desk", "Hello Alice")


def test_without_a_key_mails_stay_due_and_a_person_is_told(shop: Shop) -> None:
    ready(shop, "alice", provider="sendgrid", host="http://127.0.0.1:1", api_key_env="RAPPORT_TEST_NOT_SET")
    with pytest.raises(ChannelStopped, match="RAPPORT_TEST_NOT_SET is not set"):
        shop.tick()
    assert states(shop)["alice"][0] == "due"


def test_what_sendgrid_can_not_take_leaves_by_the_fallback(shop: Shop) -> None:
    with in_environment(RAPPORT_TEST_KEY="SG.x"):
        keys = {"host": "http://127.0.0.1:1", "api_key_env": "RAPPORT_TEST_KEY", "fallback": "outbox"}
        ready(shop, "alice", "bob", provider="sendgrid", **keys).tick()
    assert set(states(shop).values()) == {("sent", None)}
    assert len(shop.mails()) == 2
    with shop.store.read() as conn:
        assert set(conn.execute(select(request.c.provider)).scalars()) == {"sendgrid"}
