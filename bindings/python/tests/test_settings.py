"""Channels from settings: the built-in adapters, for hosts in Python too."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import Place, Sms, approved, wait_until
from provider import provider

from crm_engine import CrmError, Engine, InvalidError
from crm_engine.types import (
    Message,
    Providers,
    ProviderSettings,
    TelegramSettings,
    TwilioSettings,
)

SECRET = base64.b64encode(b"a key that both sides know").decode()
ACCOUNT = "AC00000000000000000000000000000001"
TAKEN = {"ok": True, "result": {"message_id": 7, "chat": {"id": 1, "type": "private"}}}


def sent(engine: Engine, channel: str, **contact: Any) -> Message:
    """A message to a new contact, after the worker."""
    message = approved(engine, channel, **contact)
    engine.run_until_idle()
    return engine.get_message(message)


def test_a_bot_delivers(place: Place) -> None:
    with provider() as telegram:
        telegram.answer = TAKEN
        bot: TelegramSettings = {
            "type": "telegram",
            "token": "123:a-key",
            "silent": True,
            "http": {"base": telegram.base},
        }
        with Engine.open(
            **place, actor="a", role="manager", channels={"telegram": bot}
        ) as engine:
            message = sent(engine, "telegram", telegram_chat_id="77")
            assert message["status"] == "sent"
            # Named by its provider, as everywhere: a second one may come later.
            assert (message["provider_id"] or "").startswith("telegram:")
        (posted,) = telegram.posted
        assert posted.path == "/bot123:a-key/sendMessage"
        said = json.loads(posted.body)
        assert (said["chat_id"], said["text"]) == (77, message["content"])
        assert said["disable_notification"] is True


def test_a_webhook_is_signed(place: Place) -> None:
    with provider() as till:
        hook: ProviderSettings = {
            "type": "webhook",
            "url": f"{till.base}/hook",
            "secrets": [f"whsec_{SECRET}"],
            "address": "phone",
            "allowed": ["127.0.0.0/8"],
        }
        with Engine.open(**place, actor="a", role="manager", channels={"till": hook}) as engine:
            message = sent(engine, "till")
            assert message["status"] == "sent"
        (posted,) = till.posted
        ident, stamp = posted.headers["webhook-id"], posted.headers["webhook-timestamp"]
        signed = hmac.new(
            base64.b64decode(SECRET),
            b".".join([ident.encode(), stamp.encode(), posted.body]),
            hashlib.sha256,
        )
        wanted = "v1," + base64.b64encode(signed.digest()).decode()
        assert posted.headers["webhook-signature"] == wanted
        assert json.loads(posted.body)["data"]["content"] == message["content"]


def test_the_next_provider_takes_over(place: Place) -> None:
    own = Sms()
    with provider() as twilio:
        # Says that the account is closed: nothing of it can go.
        twilio.status = 401
        twilio.answer = {"code": 20003, "message": "Authenticate", "status": 401}
        first: TwilioSettings = {
            "type": "twilio",
            "account_sid": ACCOUNT,
            "auth_token": "t",
            "from": "+14155552345",
            "http": {"base": twilio.base},
        }
        sms: Providers = {
            "providers": [first, own],
            "rest": 600,
            "rate": {"units": 1_000, "per": 1},
        }
        with Engine.open(**place, actor="a", role="manager", channels={"sms": sms}) as engine:
            # Provably not taken: it goes back to the queue, for half a minute or more.
            message = sent(engine, "sms")
            assert (message["status"], message["failure"]) == ("approved", "twilio:twilio_20003")
            (attempt,) = engine.message_attempts(message["id"])
            assert attempt["outcome"] == "retry_after"
            # Twilio rests, and the next message goes to the next provider at once.
            second = sent(engine, "sms", phone="+998901234598")
            assert second["status"] == "sent"
            (delivered,) = own.delivered
            assert second["provider_id"] == f"plugin:sms-{delivered['attempt_id']}"
        assert len(twilio.posted) == 1


def test_a_rate_holds_back(place: Place) -> None:
    own = Sms()
    # One may go at once, the next one in an hour.
    slow: Providers = {"providers": [own], "rate": {"units": 1, "per": 3_600}}
    with Engine.open(**place, actor="a", role="manager", channels={"sms": slow}) as engine:
        for number in range(5):
            approved(engine, phone=f"+99890123459{number}")
        worker = threading.Thread(target=engine.run_worker)
        worker.start()
        wait_until(lambda: bool(own.delivered))
        engine.stop_worker()
        worker.join()
        assert len(own.delivered) == 1
        assert len(engine.list_messages(status="approved")["items"]) == 4


def test_files_and_a_relay_in_one_line(place: Place, tmp_path: Path) -> None:
    channels: Any = {
        "email": {"type": "outbox", "directory": tmp_path / "mails"},
        "news": "smtp://127.0.0.1:25?tls=none&from=a@b.example",
    }
    with Engine.open(**place, actor="a", role="manager", channels=channels) as engine:
        message = sent(engine, "email", email="ann@mail.example")
        assert message["status"] == "sent"
        (file,) = (tmp_path / "mails").iterdir()
        assert message["content"] in file.read_text()


@pytest.mark.parametrize(
    ("channel", "field"),
    [
        ({"type": "telegram", "tokn": "SECRET"}, "channels.t.tokn"),
        ({"type": "telegram", "token": 5}, "channels.t.token"),
        ({"type": "carrier_pigeon"}, "channels.t.type"),
        ({}, "channels.t.type"),
        ({"providers": [{"type": "telegram"}]}, "channels.t.providers[0].token"),
        ({"providers": [object()]}, "channels.t.providers[0]"),
        ({"providers": [{"type": "plugin"}]}, "channels.t.providers[0]"),
        ({"type": "plugin"}, "channels.t"),
        ({"type": "outbox", "rate": {"units": 1}}, "channels.t.rate.per"),
    ],
)
def test_wrong_settings_name_their_field(place: Place, channel: Any, field: str) -> None:
    with pytest.raises(InvalidError) as refused:
        Engine.open(**place, actor="a", role="manager", channels={"t": channel})
    assert refused.value.fields[0]["field"] == field
    assert "SECRET" not in repr(refused.value)


def test_what_an_adapter_refuses_shows_no_secret(place: Place) -> None:
    bot: TelegramSettings = {"type": "telegram", "token": "SECRET"}
    with pytest.raises(CrmError, match=r"channels\.t: the Telegram token") as refused:
        Engine.open(**place, actor="a", role="manager", channels={"t": bot})
    assert refused.value.code == "configuration"
    assert "SECRET" not in repr(refused.value)
