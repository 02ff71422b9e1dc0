"""What is different on PostgreSQL: the address, and many engines on one database."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from conftest import Sms, approved, database_url, new_place

from crm_engine import CrmError, Engine


def address(**parts: Any) -> str:
    """The server's address with other parts."""
    url = urlsplit(database_url())
    user = parts.get("user", url.username)
    password = parts.get("password", url.password)
    host = parts.get("host", url.hostname)
    port = parts.get("port", url.port)
    path = parts.get("path", url.path)
    return str(urlunsplit((url.scheme, f"{user}:{password}@{host}:{port}", path, "", "")))


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"password": "SECRET"}, "configuration"),
        ({"user": "nobody", "password": "SECRET"}, "configuration"),
        ({"path": "/no_such_database", "password": None}, "configuration"),
        ({"port": 1, "password": "SECRET"}, "unavailable"),
        ({"host": "no-such-host.invalid", "password": "SECRET"}, "unavailable"),
    ],
    ids=["password", "user", "database", "port", "host"],
)
def test_a_server_that_does_not_let_us_in_is_said_without_the_password(
    parts: dict[str, Any], code: str
) -> None:
    if parts.get("password") is None:
        parts = {key: value for key, value in parts.items() if key != "password"}
    with pytest.raises(CrmError) as caught:
        Engine.open(address(**parts), actor="a", role="manager")
    assert caught.value.code == code
    assert caught.value.retryable == (code == "unavailable")
    said = repr(caught.value) + str(caught.value.fields)
    assert "SECRET" not in said and str(urlsplit(database_url()).password) not in said


@pytest.mark.parametrize(
    "options",
    [
        {"path": "postgres://user:SECRET@:notaport/x"},
        {"path": "postgres://user:SECRET@[::1/x"},
        {"path": "mysql://user:SECRET@host/x"},
        {"path": "SECRET://"},
        {"schema": ""},
        {"schema": "SECRET"},
        {"schema": "a b"},
        {"schema": 7},
        {"connections": 0},
        {"connections": 1_001},
        {"connections": -1},
        {"connections": "4"},
        {"path": "crm.db", "schema": "crm"},
        {"path": "crm.db", "connections": 4},
    ],
    ids=str,
)
def test_bad_addresses_and_options_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"path": database_url(), "actor": "a", "role": "manager", **options}
    with pytest.raises(CrmError) as caught:
        Engine.open(given.pop("path"), **given)
    assert caught.value.code in {"invalid", "configuration"}
    assert "SECRET" not in repr(caught.value) + str(caught.value.fields)
    assert list(tmp_path.iterdir()) == []


def test_engines_share_a_database_and_schemas_are_apart(tmp_path: Path, sms: Sms) -> None:
    place = new_place("postgres", tmp_path)
    apart = {**place, "schema": f"crm_test_{uuid4().hex}"}
    with (
        Engine.open(**place, actor="anna", role="manager", channels={"sms": sms}) as one,
        Engine.open(**place, actor="bob", role="manager", channels={"sms": sms}) as two,
        Engine.open(**apart, actor="eve", role="manager") as other,
    ):
        message = approved(one)
        assert two.get_message(message)["approved_by"] == "anna"
        assert two.run_until_idle()["begun"] == 1
        assert one.get_message(message)["status"] == "sent"
        assert one.run_until_idle()["begun"] == 0
        assert other.list_messages()["items"] == []
    assert len(sms.delivered) == 1
