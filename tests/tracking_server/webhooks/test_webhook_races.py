"""Webhooks and their outbox on every database, with several servers at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from tracking_server.errors import NotFound
from tracking_server.settings import Settings
from tracking_server.store import webhook_deliveries as outbox
from tracking_server.store import webhooks
from tracking_server.store.engine import Database
from tracking_server.store.webhook_schema import webhook_deliveries
from tracking_server.store.webhooks import Changes
from tracking_server.webhooks.delivery import Deliverer
from tracking_server.webhooks.sender import Sender
from tracking_server.webhooks.targets import AllowedTargets, trust

SERVERS = 4
ROUNDS = 15
KIND = ("registered_model", "created")
ANNOUNCE = partial(outbox.announce, entity=KIND[0], action=KIND[1], body="{}", at_ms=0)


@pytest.fixture
def servers(settings: Settings) -> Iterator[list[Database]]:
    opened = [Database(settings) for _ in range(SERVERS)]
    for database in opened:
        database.open()
    yield opened
    for database in opened:
        database.close()


def hook(database: Database, url: str = "https://hooks.example/") -> str:
    wanted = Changes(name="hook", url=url, events=[KIND], secret="s")
    return database.write_and_wait(partial(webhooks.create, wanted=wanted)).webhook_id


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """The results or errors of calls that begin together."""
    together = threading.Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        together.wait(10)
        try:
            return call()
        except Exception as error:  # noqa: BLE001  # compared by the test
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def left(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(webhook_deliveries)).scalar_one()


def test_of_servers_that_claim_a_delivery_at_once_one_has_it(servers: list[Database]) -> None:
    hook(servers[0])
    for round_number in range(ROUNDS):
        servers[0].write_and_wait(ANNOUNCE)
        seen = servers[0].read_now(partial(outbox.waiting, most=1))
        calls = [
            partial(database.write_and_wait, partial(outbox.claim, wanted=seen, until_ms=9 + number))
            for number, database in enumerate(servers)
        ]

        claimed = [one for result in at_once(*calls) for one in result]

        assert len(claimed) == 1, round_number
        assert claimed[0].attempts == 1
        assert servers[1].write_and_wait(partial(outbox.finish, delivery=claimed[0]))


def test_a_webhook_that_is_deleted_while_something_happens_fails_neither(servers: list[Database]) -> None:
    for _ in range(ROUNDS):
        webhook_id = hook(servers[0])
        told, *_ = at_once(
            partial(servers[0].write_and_wait, ANNOUNCE),
            partial(servers[1].write_and_wait, partial(webhooks.remove, webhook_id=webhook_id)),
            partial(servers[2].write_and_wait, ANNOUNCE),
        )

        assert told in (0, 1), told
        assert servers[3].read_now(left) == 0
        with pytest.raises(NotFound):
            servers[3].read_now(partial(webhooks.get, webhook_id=webhook_id))


def meanwhile(
    servers: list[Database], first: Callable[[Connection], Any], second: Callable[[Connection], Any]
) -> list[Any]:
    """The results of two transactions: `second` begins when `first` has done its work and not yet committed."""
    begun, through = threading.Event(), threading.Event()

    def work(connection: Connection) -> Any:
        result = first(connection)
        begun.set()
        through.wait(0.3)  # only to give the other one every chance
        return result

    def follow() -> Any:
        assert begun.wait(10)
        try:
            return servers[1].write_and_wait(second)
        finally:
            through.set()

    return at_once(partial(servers[0].write_and_wait, work), follow)


@pytest.mark.parametrize("deleted_first", [True, False])
def test_a_webhook_that_is_deleted_between_an_event_and_its_commit_fails_neither(
    servers: list[Database], deleted_first: bool
) -> None:
    webhook_id = hook(servers[0])
    remove = partial(webhooks.remove, webhook_id=webhook_id)
    both = (remove, ANNOUNCE) if deleted_first else (ANNOUNCE, remove)

    results = meanwhile(servers, *both)

    assert sorted(results, key=str) == ([0, None] if deleted_first else [1, None])
    assert servers[3].read_now(left) == 0


def test_changes_of_webhooks_and_events_at_once_wait_for_each_other_in_no_ring(
    servers: list[Database],
) -> None:
    ids = [hook(servers[0]) for _ in range(3)]
    others = [KIND, ("model_version", "created")]
    for number in range(ROUNDS):
        events = others[number % 2 :]
        results = at_once(
            *(
                partial(
                    servers[index].write_and_wait,
                    partial(webhooks.change, webhook_id=ids[index], wanted=Changes(events=events)),
                )
                for index in range(3)
            ),
            partial(servers[3].write_and_wait, ANNOUNCE),
        )

        assert not [result for result in results if isinstance(result, Exception)], results


def test_pages_and_replies_are_the_same_on_every_database(servers: list[Database]) -> None:
    ids = [hook(servers[0]) for _ in range(5)]

    found: list[str] = []
    token = ""
    while True:
        page = servers[0].read_now(partial(webhooks.page, max_results=2, token=token))
        found += [webhook.webhook_id for webhook in page.items]
        token = page.next_page_token or ""
        if not token:
            break

    assert found == ids[::-1]
    contact = servers[0].read_now(partial(webhooks.contact, webhook_id=ids[0]))
    assert (contact.secret, contact.events) == ("s", (KIND,))
    assert "'s'" not in repr(contact)


def test_several_servers_deliver_everything_once(
    servers: list[Database], settings: Settings, receiver: Any
) -> None:
    hook(servers[0], receiver.url())
    for _ in range(20):
        servers[0].write_and_wait(ANNOUNCE)

    async def deliver() -> None:
        assert settings.webhook_ca_file is not None
        context = trust(settings.webhook_ca_file)
        allowed = AllowedTargets(settings.webhook_allowed_hosts)
        tasks = [
            asyncio.create_task(Deliverer(database, Sender(allowed=allowed, context=context)).watch())
            for database in servers
        ]
        until = time.monotonic() + 30
        while await servers[0].read(left):
            assert time.monotonic() < until
            await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(deliver())

    ids = [request.headers["X-MLflow-Delivery-Id"] for request in receiver.received]
    assert len(ids) == len(set(ids)) == 20
