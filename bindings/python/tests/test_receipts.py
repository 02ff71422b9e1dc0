"""What providers say after the call, and each call of a provider."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from conftest import Place, Sms, approved
from provider import provider

from crm_engine import (
    AsyncEngine,
    Engine,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnsupportedError,
)
from crm_engine.types import Capabilities, TelegramSettings, TwilioSettings, WhatsAppSettings

HOOK = "https://crm.example/receipts/sms"
TOKEN = "the account's token"
SID = "SM00000000000000000000000000000007"


def signature(url: str, fields: dict[str, str]) -> str:
    """As Twilio signs: the address, then each field by name."""
    text = url + "".join(name + fields[name] for name in sorted(fields))
    digest = hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def test_twilio_says_that_it_arrived(place: Place) -> None:
    with provider() as twilio:
        twilio.status = 201
        twilio.answer = {"sid": SID, "status": "queued"}
        sms: TwilioSettings = {
            "type": "twilio",
            "account_sid": "AC00000000000000000000000000000001",
            "auth_token": TOKEN,
            "from": "+14155552345",
            "status_callback": HOOK,
            "http": {"base": twilio.base},
        }
        with Engine.open(**place, actor="a", role="manager", channels={"sms": sms}) as engine:
            message = approved(engine)
            engine.run_until_idle()
            assert engine.get_message(message)["status"] == "sent"

            # The address Twilio was told, with the attempt in it.
            (url,) = parse_qs(twilio.posted[0].body.decode())["StatusCallback"]
            assert url.startswith(HOOK)
            fields = {"MessageSid": SID, "MessageStatus": "delivered", "To": "+998901234599"}
            body = urlencode(fields).encode()
            headers = {
                "content-type": "application/x-www-form-urlencoded",
                "X-Twilio-Signature": signature(url, fields),
            }
            changes: list[dict[str, Any]] = [
                {"url": url + "&x=1"},
                {"headers": {}},
                {"body": body.replace(b"delivered", b"failed")},
            ]
            for changed in changes:
                call: dict[str, Any] = {"url": url, "headers": headers, "body": body, **changed}
                with pytest.raises(ForbiddenError):
                    engine.receive("sms", **call)
                assert engine.get_message(message)["status"] == "sent", changed
            nothing = {"receipts": 0, "opt_outs": 0, "opt_ins": 0, "inbound": 0}
            # Twice, the second time with headers as an ASGI server has them.
            raw = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
            for given in (headers, raw):
                received = engine.receive("sms", url=url, headers=given, body=body)
                assert received == {**nothing, "receipts": 1}
            assert engine.get_message(message)["status"] == "delivered"

            (attempt,) = engine.message_attempts(message)
            assert (attempt["number"], attempt["outcome"]) == (1, "accepted")
            assert attempt["provider_id"] == f"twilio:{SID}"
            (receipt,) = attempt["receipts"]
            assert (receipt["fate"], receipt["reason"]) == ("delivered", None)
            assert attempt["id"] in url
        with pytest.raises(NotFoundError), Engine.open(
            **place, actor="b", role="viewer", workspace="other"
        ) as elsewhere:
            elsewhere.message_attempts(message)


async def test_a_bot_is_blocked_and_nothing_more_leaves(place: Place) -> None:
    with provider() as telegram:
        bot: TelegramSettings = {
            "type": "telegram",
            "token": "123:a-key",
            "webhook_secret": "what-setWebhook-was-given",
            "http": {"base": telegram.base},
        }
        async with await AsyncEngine.open(
            **place, actor="a", role="manager", channels={"telegram": bot}
        ) as engine:
            person = await engine.create_contact(name="Ann", telegram_chat_id="77")
            m = await engine.generate_message(
                contact_id=person["id"], occasion_type="birthday", channel="telegram"
            )
            await engine.approve_message(m["id"], version=m["version"], digest=m["digest"])
            update = {
                "my_chat_member": {
                    "chat": {"id": 77, "type": "private"},
                    "old_chat_member": {"status": "member"},
                    "new_chat_member": {"status": "kicked"},
                }
            }
            with pytest.raises(ForbiddenError):
                await engine.receive("telegram", url=HOOK, headers={}, body=json.dumps(update))
            secret = {"x-telegram-bot-api-secret-token": "what-setWebhook-was-given"}
            received = await engine.receive(
                "telegram", url=HOOK, headers=secret, body=json.dumps(update)
            )
            assert received["opt_outs"] == 1
            with pytest.raises(InvalidError):
                await engine.receive("telegram", url=HOOK, headers=secret, body=b"no JSON")
            await engine.run_until_idle()
            assert (await engine.get_message(m["id"]))["status"] == "cancelled"
        assert telegram.posted == []


def test_what_a_host_reads_itself(place: Place, sms: Sms) -> None:
    with Engine.open(**place, actor="a", role="manager", channels={"sms": sms}) as engine:
        first = approved(engine)
        second = approved(engine, phone="+998901234598")
        engine.run_until_idle()
        attempts = {m: engine.message_attempts(m)[0] for m in (first, second)}
        received = engine.hear(
            "sms",
            [
                {
                    "news": "receipt",
                    "provider_id": attempts[first]["provider_id"],
                    "fate": "read",
                    "at": "2026-11-24T09:00:00Z",
                },
                {
                    "news": "receipt",
                    "attempt_id": attempts[second]["id"],
                    "fate": "failed",
                    "reason": "30003",
                    "dead": True,
                },
                {"news": "opt_out", "address": "+998901234597", "reason": "complaint"},
                {"news": "inbound", "address": "+998901234597"},
            ],
        )
        assert received == {"receipts": 2, "opt_outs": 1, "opt_ins": 0, "inbound": 1}
        (said,) = engine.message_attempts(first)[0]["receipts"]
        assert (said["fate"], said["at"]) == ("read", "2026-11-24T09:00:00Z")
        assert engine.get_message(second)["status"] == "failed"
        (said,) = engine.message_attempts(second)[0]["receipts"]
        assert (said["fate"], said["reason"]) == ("failed", "30003")
        assert engine.hear("sms", []) == {
            "receipts": 0,
            "opt_outs": 0,
            "opt_ins": 0,
            "inbound": 0,
        }


class Chat(Sms):
    """Somebody is written to for a minute after they wrote."""

    capabilities: Capabilities = {**Sms.capabilities, "window_ms": 60_000}


def test_only_who_wrote_is_written_to(place: Place) -> None:
    chat = Chat()
    with Engine.open(**place, actor="a", role="manager", channels={"sms": chat}) as engine:
        engine.hear("sms", [{"news": "inbound", "address": "+998901234598"}])
        never = approved(engine)
        wrote = approved(engine, phone="+998901234598")
        engine.run_until_idle()
        assert engine.get_message(never)["status"] == "cancelled"
        assert engine.get_message(wrote)["status"] == "sent"


@pytest.mark.parametrize(
    "news",
    [
        {"news": "gossip"},
        {"news": "opt_out"},
        {"news": "receipt", "fate": "read"},
        {"news": "receipt", "fate": "read", "provider_id": "x", "attempt_id": None, "x": 1},
        {"news": "receipt", "fate": "eaten", "provider_id": "x"},
        {"news": "receipt", "fate": "read", "provider_id": "x", "reason": "why"},
        "receipt",
    ],
)
def test_news_of_another_form_are_refused(engine: Engine, news: Any) -> None:
    with pytest.raises(InvalidError):
        engine.hear("sms", [news])


@pytest.mark.parametrize("headers", [None, 7, "a: b", [("a",)], [("a", "b", "c")], {"a": 1}])
def test_headers_are_names_and_values(engine: Engine, headers: Any) -> None:
    with pytest.raises(InvalidError):
        engine.receive("sms", url=HOOK, headers=headers, body=b"")


def test_a_bounce_finds_its_mail(place: Place) -> None:
    bounce = (
        b"From: MAILER-DAEMON@mx.example\r\nTo: news@salon.example\r\nSubject: Undelivered\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; mx.example\r\n\r\n"
        b"Final-Recipient: rfc822; ann@mail.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        b"Message-ID: <nothing-of-ours@x.example>\r\n\r\n--b--\r\n"
    )
    relay = "smtp://127.0.0.1:25?tls=none&from=news@salon.example"
    with Engine.open(**place, actor="a", role="manager", channels={"email": relay}) as engine:
        # Of no mail of ours: read, and nothing to tell.
        assert engine.hear_bounce("email", bounce)["receipts"] == 0
        with pytest.raises(InvalidError):
            engine.hear_bounce("email", b"")
        with pytest.raises(InvalidError):
            engine.hear_bounce("post", bounce)


def test_a_provider_asks_whether_the_address_is_ours(place: Place) -> None:
    cloud: WhatsAppSettings = {
        "type": "whatsapp",
        "phone_number_id": "106540352242922",
        "access_token": "t",
        "app_secret": "s",
        "verify_token": "ours",
    }
    channels: Any = {"whatsapp": cloud, "sms": Sms()}
    with Engine.open(**place, actor="a", role="manager", channels=channels) as engine:
        asked = f"{HOOK}?hub.mode=subscribe&hub.challenge=4711&hub.verify_token="
        assert engine.challenge("whatsapp", url=asked + "ours") == "4711"
        with pytest.raises(ForbiddenError):
            engine.challenge("whatsapp", url=asked + "theirs")
        with pytest.raises(UnsupportedError):
            engine.challenge("sms", url=asked + "ours")
        with pytest.raises(InvalidError):
            engine.challenge("post", url=asked)
        with pytest.raises(UnsupportedError):
            engine.receive("sms", url=HOOK, headers={}, body=b"")
        with pytest.raises(InvalidError):
            engine.receive("post", url=HOOK, headers={}, body=b"")
