"""The outbox under several servers, death and time: nothing is lost, and nothing is tried by two at once."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from tracking_server.errors import Unavailable
from tracking_server.settings import Settings
from tracking_server.store import webhook_deliveries as outbox
from tracking_server.store import webhooks
from tracking_server.store.engine import Database
from tracking_server.store.webhooks import Changes
from tracking_server.webhooks.delivery import Deliverer
from tracking_server.webhooks.sender import Sender
from tracking_server.webhooks.targets import AllowedTargets, trust

KIND = ("registered_model", "created")
CREATED = {"entity": "REGISTERED_MODEL", "action": "CREATED"}


@asynccontextmanager
async def running(settings: Settings, count: int = 1, **more: Any) -> AsyncIterator[list[Database]]:
    """Deliverers with a database each, as in as many server processes. They leave at the end."""
    databases = [Database(settings) for _ in range(count)]
    for database in databases:
        database.open()
    assert settings.webhook_ca_file is not None
    context = trust(settings.webhook_ca_file)
    allowed = AllowedTargets(settings.webhook_allowed_hosts)
    deliverers = [
        Deliverer(database, Sender(allowed=allowed, context=context, deadline_s=2), **more)
        for database in databases
    ]
    tasks = [asyncio.create_task(deliverer.watch()) for deliverer in deliverers]
    try:
        yield databases
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for database in databases:
            database.close()


async def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited too long"
        await asyncio.sleep(0.01)


def prepare(settings: Settings, urls: Sequence[str], events: int) -> None:
    """Webhooks, and deliveries that no deliverer has seen yet."""

    async def write(database: Database) -> None:
        for url in urls:
            wanted = Changes(name="hook", url=url, events=[KIND])
            await database.write(partial(webhooks.create, wanted=wanted))
        for number in range(events):
            body = f'{{"number": {number}}}'
            event = partial(outbox.announce, entity=KIND[0], action=KIND[1], body=body, at_ms=0)
            await database.write(event)

    database = Database(settings)
    database.open()
    asyncio.run(write(database))
    database.close()


def rows(settings: Settings) -> list[Any]:
    """Attempts and due time of what is in the outbox."""
    with sqlite3.connect(str(settings.sqlite_path), timeout=10) as connection:
        found = connection.execute(
            "SELECT attempts, due_at_ms FROM webhook_deliveries ORDER BY id"
        ).fetchall()
    connection.close()
    return found


def test_several_servers_deliver_everything_and_nothing_twice(settings: Settings, receiver: Any) -> None:
    prepare(settings, [receiver.url("/a"), receiver.url("/b"), receiver.url("/c")], events=15)

    async def deliver() -> None:
        async with running(settings, 3):
            await until(lambda: not rows(settings), timeout_s=30)

    asyncio.run(deliver())

    heard = Counter((request.path, request.document["number"]) for request in receiver.received)
    assert heard == Counter((path, number) for path in ("/a", "/b", "/c") for number in range(15))


def test_a_delivery_is_claimed_by_one_of_those_who_saw_it(settings: Settings, receiver: Any) -> None:
    prepare(settings, [receiver.url()], events=1)

    async def claim_twice() -> tuple[int, int, bool]:
        database = Database(settings)
        database.open()
        seen = await database.read(lambda connection: outbox.waiting(connection, most=9))
        first = await database.write(lambda connection: outbox.claim(connection, seen, until_ms=50))
        second = await database.write(lambda connection: outbox.claim(connection, seen, until_ms=60))
        late = await database.write(lambda connection: outbox.finish(connection, seen[0]))
        database.close()
        return len(first), len(second), late

    assert asyncio.run(claim_twice()) == (1, 0, False)
    assert rows(settings) == [(1, 50)]


def test_what_a_dead_server_had_begun_is_begun_again_when_its_lease_ends(
    settings: Settings, receiver: Any
) -> None:
    prepare(settings, [receiver.url()], events=1)
    lease_ms = int(time.time() * 1000) + 700
    with sqlite3.connect(str(settings.sqlite_path)) as connection:
        connection.execute("UPDATE webhook_deliveries SET attempts = 1, due_at_ms = ?", (lease_ms,))
    connection.close()

    async def deliver() -> None:
        async with running(settings):
            await until(lambda: not rows(settings))

    asyncio.run(deliver())

    assert time.time() * 1000 >= lease_ms
    assert len(receiver.received) == 1


def test_after_the_last_attempt_a_delivery_is_given_up(
    settings: Settings, receiver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    prepare(settings, [receiver.url()], events=1)
    for _ in range(9):
        receiver.reply(500)

    async def deliver() -> None:
        async with running(settings, retry_s=(0.01, 0.01)):
            await until(lambda: not rows(settings))

    asyncio.run(deliver())

    assert len(receiver.received) == 3
    assert "given up after 3 attempts: localhost answered 500" in caplog.text


def test_pauses_grow_as_they_are_told(settings: Settings, receiver: Any) -> None:
    prepare(settings, [receiver.url()], events=1)
    receiver.reply(500)

    async def deliver() -> None:
        async with running(settings, retry_s=(1000.0,)):
            await until(lambda: rows(settings)[0][1] > time.time() * 1000 + 700_000)

    asyncio.run(deliver())

    assert rows(settings)[0][0] == 1


def test_a_database_that_cannot_be_asked_for_a_while_ends_nothing(
    settings: Settings, receiver: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tracking_server.webhooks.delivery.POLL_S", 0.05)
    prepare(settings, [receiver.url()], events=1)
    real = outbox.waiting
    failures: list[Exception] = [Unavailable("The database is away."), KeyError("a bug of ours")]

    def broken(connection: Any, **more: Any) -> Any:
        if failures:
            raise failures.pop(0)
        return real(connection, **more)

    monkeypatch.setattr(outbox, "waiting", broken)

    async def deliver() -> None:
        async with running(settings):
            await until(lambda: not rows(settings))

    asyncio.run(deliver())

    assert len(receiver.received) == 1
    assert "The database is away." in caplog.text
    assert "a bug of ours" in caplog.text


def test_a_server_that_leaves_finishes_what_is_nearly_done(settings: Settings, receiver: Any) -> None:
    prepare(settings, [receiver.url()], events=1)
    go_on = threading.Event()
    receiver.reply(hold=go_on)

    async def leave() -> None:
        async with running(settings):
            await until(lambda: receiver.received)
            threading.Timer(0.2, go_on.set).start()

    asyncio.run(leave())

    assert rows(settings) == []
    assert len(receiver.received) == 1


def test_a_server_that_leaves_hands_back_what_takes_long(
    settings: Settings, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracking_server.webhooks.delivery.DRAIN_S", 0.1)
    prepare(settings, [receiver.url()], events=1)
    go_on = threading.Event()
    receiver.reply(hold=go_on)

    async def leave() -> None:
        async with running(settings):
            await until(lambda: receiver.received)

    asyncio.run(leave())
    go_on.set()

    [(attempts, due_at_ms)] = rows(settings)
    assert attempts == 0
    assert due_at_ms <= time.time() * 1000


def test_a_change_whose_server_is_killed_is_told_by_the_next_one(
    start_server: Any, start_receiver: Any, receiver: Any, settings: Settings, wait_for: Callable[..., None]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    options = [
        f"--webhook-allowed-hosts=localhost:{receiver.port},localhost:{port}",
        f"--webhook-ca-file={settings.webhook_ca_file}",
    ]
    server = start_server(*options)
    hook = {"name": "hook", "url": f"https://localhost:{port}/", "events": [CREATED]}
    server.post("webhooks", **hook)
    # Nobody is there yet, so that the first attempt fails.
    server.post("registered-models/create", name="m")
    server.kill()

    late = start_receiver(port)
    start_server(*options)

    # At worst the lease of an attempt that the kill cut off has to end.
    wait_for(lambda: late.received, timeout_s=30)
    wait_for(lambda: not rows(settings))
    assert [request.document["data"]["name"] for request in late.received] == ["m"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--webhook-allowed-hosts=a b", "--webhook-allowed-hosts a b"),
        ("--webhook-ca-file=/nonexistent.pem", "/nonexistent.pem"),
    ],
)
def test_a_server_does_not_start_with_targets_that_cannot_be(
    run_to_end: Callable[..., Any], option: str, said: str
) -> None:
    done = run_to_end(option)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
