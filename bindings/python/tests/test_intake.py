"""The README's rows of the intake: inserted by a host beside its own, worked off by the engine."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from test_readme import readme

from crm_engine import Engine


def section() -> str:
    """What the README says about the host's own transaction."""
    return readme().split("\n## In your own transaction\n", 1)[1].split("\n## ", 1)[0]


def test_the_python_of_the_readme_puts_rows_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", section(), re.DOTALL)
    assert len(blocks) == 1
    with Engine.open("crm.db", actor="anna", role="manager", outbox="outbox") as engine:
        with sqlite3.connect("crm.db") as host:
            host.execute("CREATE TABLE orders (number INTEGER, customer TEXT)")
        anna = engine.create_contact(name="Anna", email="anna@mail.example", external_id="17")
        done = subprocess.run(
            [sys.executable, "-c", blocks[0]],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert engine.list_messages()["items"] == []
        assert engine.run_until_idle()["drained"] == 1
        assert engine.run_until_idle()["drained"] == 0
        message = engine.list_messages()["items"][0]
        assert (message["status"], message["contact_id"]) == ("pending_approval", anna["id"])
    with sqlite3.connect("crm.db") as host:
        assert host.execute("SELECT count(*) FROM orders").fetchone() == (1,)


def test_rows_go_with_the_hosts_transaction(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    with Engine.open(path, actor="anna", role="manager") as engine:
        host = sqlite3.connect(path, isolation_level=None)
        sql = re.findall(r"```sql\n(.*?)```", section(), re.DOTALL)[0]
        host.executescript(sql.replace("COMMIT;", "ROLLBACK;"))
        assert engine.run_until_idle()["drained"] == 0
        host.executescript(sql)
        host.close()
        assert engine.run_until_idle()["drained"] == 3
        assert engine.list_contacts()["items"][0]["external_id"] == "17"
