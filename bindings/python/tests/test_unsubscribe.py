"""Links to unsubscribe, and mails that say where to."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from conftest import Place, Sms, approved

from crm_engine import Engine, InvalidError, UnsupportedError

KEYS = ["an old key, at least 32 bytes long", "a new key, at least 32 bytes long"]
BASE = "https://crm.example/u/"


@contextmanager
def relay() -> Iterator[tuple[int, list[str]]]:
    """A mail server on this machine: its port, and the mails that it took."""
    mails: list[str] = []
    ready = threading.Event()
    ports: list[int] = []
    loop = asyncio.new_event_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx.example\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                writer.write(b"250 2.0.0 queued as 1\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 mx.example\r\n")
        writer.close()

    async def start() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()

    def run() -> None:
        loop.run_until_complete(start())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield ports[0], mails
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)


def test_a_link_takes_a_consent_away(place: Place, sms: Sms) -> None:
    with Engine.open(
        **place,
        actor="a",
        role="manager",
        channels={"sms": sms},
        unsubscribe_keys=KEYS[:1],
        unsubscribe_url=BASE,
    ) as engine:
        message = engine.get_message(approved(engine))
        person = message["contact_id"]
        wish = {"contact_id": person, "channel": "sms", "topic": "relationship"}
        token = engine.unsubscribe_token(
            contact_id=person, channel="sms", topic="relationship"
        )
        link = engine.unsubscribe_link(contact_id=person, channel="sms", topic="relationship")
        assert link == BASE + token
        assert engine.unsubscription(token) == {"workspace": "default", **wish}
        # Looking changes nothing.
        assert engine.get_contact(person)["consent"] == []
        with pytest.raises(InvalidError):
            engine.unsubscribe(token[:-1] + ("0" if token[-1] != "0" else "1"))
    # The key was replaced; the old link still works, done twice it is done once.
    with Engine.open(
        **place, actor="a", role="manager", channels={"sms": sms}, unsubscribe_keys=KEYS[::-1]
    ) as engine:
        engine.unsubscribe(token)
        engine.unsubscribe(token)
        (consent,) = engine.get_contact(person)["consent"]
        assert (consent["channel"], consent["status"]) == ("sms", "opted_out")
        engine.run_until_idle()
        assert engine.get_message(message["id"])["status"] != "sent"
        assert sms.delivered == []
        with pytest.raises(UnsupportedError):
            engine.unsubscribe_link(contact_id=person, channel="sms", topic="marketing")


def test_without_keys_there_are_no_tokens(engine: Engine) -> None:
    with pytest.raises(UnsupportedError):
        engine.unsubscription("00")


@pytest.mark.parametrize("way", ["smtp", "settings", "line"])
def test_mails_say_where_to_unsubscribe(place: Place, way: str) -> None:
    with relay() as (port, mails):
        line = f"smtp://127.0.0.1:{port}?tls=none&from=news@salon.example"
        if way == "smtp":
            engine = Engine.open(
                **place, actor="a", role="manager", smtp=line,
                unsubscribe_keys=KEYS, unsubscribe_url=BASE,
            )  # fmt: skip
        else:
            engine = Engine.open(
                **place,
                actor="a",
                role="manager",
                channels={
                    "email": line
                    if way == "line"
                    else {
                        "type": "smtp",
                        "host": "127.0.0.1",
                        "port": port,
                        "tls": "none",
                        "from": "Salon <news@salon.example>",
                    }
                },
                unsubscribe_keys=KEYS,
                unsubscribe_url=BASE,
            )
        with engine:
            message = engine.get_message(
                approved(engine, "email", email="ann@mail.example")
            )
            engine.run_until_idle()
            assert engine.get_message(message["id"])["status"] == "sent"
            (mail,) = mails
            unfolded = re.sub(r"\r\n[ \t]+", "", mail)
            found = re.search(r"^List-Unsubscribe: *<(.*)>\r$", unfolded, re.MULTILINE)
            assert found and found[1].startswith(BASE), mail
            assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in unfolded
            engine.unsubscribe(found[1].removeprefix(BASE))
            (consent,) = engine.get_contact(message["contact_id"])["consent"]
            assert (consent["channel"], consent["status"]) == ("email", "opted_out")


