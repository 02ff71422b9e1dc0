"""Opening, closing, forking, stopping: an engine never hangs and never takes the process down."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import Place, Sms, approved, on_sqlite, wait_until

from crm_engine import AsyncEngine, ClosedError, Engine, NotAllowedError, outcome


def script(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a script of its own and returns how it ended."""
    return subprocess.run(
        [sys.executable, "-c", text, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_closed_engine_says_so_and_can_be_closed_again(place: Place) -> None:
    engine = Engine.open(**place, actor="a", role="manager")
    other = engine.act_as("b", "viewer")
    engine.close()
    engine.close()
    for call in (engine.dashboard, other.dashboard, engine.run_until_idle, engine.run_worker):
        with pytest.raises(ClosedError):
            call()
    engine.stop_worker()
    # The database is free for another process or engine.
    with Engine.open(**place, actor="a", role="manager") as again:
        again.run_until_idle()


def test_closing_finishes_what_is_under_way(place: Place) -> None:
    entered = threading.Event()
    release = threading.Event()

    class Slow:
        capabilities: Any = {"address": "phone", "subject": False}

        def send(self, message: Any, /) -> Any:
            entered.set()
            release.wait(60)
            return outcome.accepted("x")

    engine = Engine.open(**place, actor="a", role="manager", channels={"sms": Slow()})
    message = approved(engine)
    worker = threading.Thread(target=engine.run_worker)
    worker.start()
    assert entered.wait(20)
    with pytest.raises(NotAllowedError):
        engine.run_worker()
    closing = threading.Thread(target=engine.close)
    closing.start()
    wait_until(lambda: _closed(engine))
    release.set()
    closing.join(20)
    worker.join(20)
    assert not closing.is_alive() and not worker.is_alive()
    with Engine.open(**place, actor="a", role="manager") as again:
        assert again.get_message(message)["status"] == "sent"
        assert again.verify_audit()["valid"]


def _closed(engine: Engine) -> bool:
    try:
        engine.dashboard()
    except ClosedError:
        return True
    return False


def test_a_stop_right_after_the_start_is_not_lost(engine: Engine) -> None:
    for _ in range(20):
        worker = threading.Thread(target=engine.run_worker)
        worker.start()
        while worker.is_alive():
            engine.stop_worker()
            worker.join(0.01)


async def test_cancelling_the_worker_stops_it_gracefully(place: Place, sms: Sms) -> None:
    async with await AsyncEngine.open(
        **place, actor="a", role="manager", channels={"sms": sms}
    ) as engine:
        worker = asyncio.create_task(engine.run_worker())
        await engine.create_contact(name="Ann")
        worker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await worker
        # Its place is free again.
        await engine.run_until_idle()


async def test_a_cancelled_call_leaves_the_engine_usable(place: Place) -> None:
    async with await AsyncEngine.open(**place, actor="a", role="manager") as engine:
        for _ in range(20):
            call = asyncio.create_task(engine.create_contact(name="Ann"))
            await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        assert (await engine.dashboard())["total_contacts"] <= 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_is_told_and_can_open_its_own(place: Place, sms: Sms) -> None:
    text = """
import gc, json, os, sys
from crm_engine import Engine, ForkedError
engine = Engine.open(**json.loads(sys.argv[1]), actor="a", role="manager")
child = os.fork()
if child == 0:
    calls = [engine.dashboard, engine.close, engine.stop_worker, engine.run_until_idle]
    for call in [*calls, lambda: engine.act_as("b", "viewer")]:
        try:
            call()
        except ForkedError as error:
            assert error.code == "forked"
        else:
            os._exit(2)
    del engine, call, calls
    gc.collect()
    with Engine.open(**json.loads(sys.argv[1]), actor="a", role="manager") as own:
        own.create_contact(name="From the child")
    sys.exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
assert engine.list_contacts()["items"][0]["name"] == "From the child"
engine.close()
print("fine")
"""
    done = script(text, json.dumps(place))
    assert (done.stdout.strip(), done.returncode) == ("fine", 0), done.stderr


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise ValueError", "del engine"])
def test_a_script_that_forgets_to_close_ends(place: Place, end: str) -> None:
    text = f"""
import json, sys, threading
from crm_engine import Engine, outcome
class Sms:
    capabilities = {{"address": "phone", "subject": False}}
    async def send(self, message):
        return outcome.accepted("x")
engine = Engine.open(**json.loads(sys.argv[1]), actor="a", role="manager", channels={{"sms": Sms()}})
person = engine.create_contact(name="Ann", phone="+998901234599")
m = engine.generate_message(contact_id=person["id"], occasion_type="custom", channel="sms")
engine.approve_message(m["id"], version=m["version"], digest=m["digest"])
threading.Thread(target=engine.run_worker, daemon=True).start()
while engine.get_message(m["id"])["status"] != "sent":
    pass
{end}
"""
    done = script(text, json.dumps(place))
    assert done.returncode in (0, 1, 3), done
    assert "panicked" not in done.stderr and "Fatal" not in done.stderr, done.stderr


def test_a_hanging_plugin_does_not_keep_the_process(place: Place) -> None:
    text = """
import json, sys, threading
from crm_engine import Engine
inside = threading.Event()
class Hang:
    capabilities = {"address": "phone", "subject": False, "timeout_ms": 600_000}
    def send(self, message):
        inside.set()
        threading.Event().wait()
engine = Engine.open(**json.loads(sys.argv[1]), actor="a", role="manager", channels={"sms": Hang()})
person = engine.create_contact(name="Ann", phone="+998901234599")
m = engine.generate_message(contact_id=person["id"], occasion_type="custom", channel="sms")
engine.approve_message(m["id"], version=m["version"], digest=m["digest"])
threading.Thread(target=engine.run_worker, daemon=True).start()
inside.wait()
"""
    assert script(text, json.dumps(place)).returncode == 0
    with Engine.open(**place, actor="a", role="manager") as engine:
        engine.run_until_idle()
        # On one file the next worker knows that the last is dead; elsewhere the lease has to run out.
        left = "uncertain" if on_sqlite(place) else "sending"
        assert engine.list_messages()["items"][0]["status"] == left


def test_control_c_stops_a_blocking_worker(place: Place) -> None:
    text = """
import json, signal, sys
from crm_engine import Engine, outcome
# A program that is started in the background ignores it, and so do its children unless they say otherwise.
signal.signal(signal.SIGINT, signal.default_int_handler)
class Sms:
    capabilities = {"address": "phone", "subject": False}
    def send(self, message):
        print("running", flush=True)
        return outcome.accepted("x")
with Engine.open(**json.loads(sys.argv[1]), actor="a", role="manager", channels={"sms": Sms()}) as engine:
    person = engine.create_contact(name="Ann", phone="+998901234567")
    m = engine.generate_message(contact_id=person["id"], occasion_type="custom", channel="sms")
    engine.approve_message(m["id"], version=m["version"], digest=m["digest"])
    try:
        engine.run_worker()
    except KeyboardInterrupt:
        engine.run_until_idle()
        print("stopped", engine.get_message(m["id"])["status"], flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", text, json.dumps(place)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            # From inside the worker, so the script is waiting for it.
            assert process.stdout.readline() == "running\n"
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=30)
            assert (out, process.returncode) == ("stopped sent\n", 0)
        finally:
            process.kill()


def test_engines_are_given_back(tmp_path: Path) -> None:
    before = threading.active_count()
    for number in range(10):
        Engine.open(tmp_path / f"{number}.db", actor="a", role="manager").close()
    gc.collect()
    assert threading.active_count() == before
    handles = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert handles < 100


def test_threads_share_an_engine(engine: Engine) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for n in range(10):
                engine.create_contact(name=f"P{number}-{n}")
                engine.list_contacts(limit=5)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert engine.dashboard()["total_contacts"] == 80
