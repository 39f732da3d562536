"""What happens to the registry at the same moment, from several servers where the database allows it."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

ATTEMPTS = 32


class Servers:
    """One server, or two that share a database; calls go to each in turn."""

    def __init__(self, servers: list[Any]) -> None:
        self.first = servers[0]
        self._turns = itertools.cycle(servers)
        self._choice = threading.Lock()

    def call(self, method: str, path: str, **body: Any) -> tuple[int, Any]:
        with self._choice:
            server = next(self._turns)
        reply = server.http.request(method, f"/api/2.0/mlflow/{path}", json=body)
        return reply.status_code, reply.json()


@pytest.fixture
def servers(start_server: Any, settings: Any) -> Servers:
    return Servers([start_server() for _ in range(2 if settings.sqlite_path is None else 1)])


def at_once(calls: list[Callable[[], tuple[int, Any]]]) -> list[tuple[int, Any]]:
    begin = threading.Barrier(len(calls))

    def one(call: Callable[[], tuple[int, Any]]) -> tuple[int, Any]:
        begin.wait(20)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(one, calls))


def statuses(replies: list[tuple[int, Any]]) -> Counter[int]:
    return Counter(status for status, _ in replies)


def create(servers: Servers, name: str = "m") -> tuple[int, Any]:
    return servers.call("POST", "model-versions/create", name=name, source="s3://bucket/x")


def test_simultaneous_versions_get_numbers_without_gaps(servers: Servers) -> None:
    servers.call("POST", "registered-models/create", name="m")

    replies = at_once([lambda: create(servers)] * ATTEMPTS)

    assert statuses(replies) == {200: ATTEMPTS}
    numbers = sorted(int(reply["model_version"]["version"]) for _, reply in replies)
    assert numbers == list(range(1, ATTEMPTS + 1))
    assert create(servers)[1]["model_version"]["version"] == str(ATTEMPTS + 1)


def test_of_simultaneous_namesakes_one_is_made(servers: Servers) -> None:
    replies = at_once([lambda: servers.call("POST", "registered-models/create", name="m")] * ATTEMPTS)

    assert statuses(replies) == {200: 1, 400: ATTEMPTS - 1}
    refusals = {(reply["error_code"], reply["message"]) for status, reply in replies if status == 400}
    assert refusals == {("RESOURCE_ALREADY_EXISTS", "Registered Model (name=m) already exists.")}


def test_of_simultaneous_renamings_to_one_name_one_wins(servers: Servers) -> None:
    names = [f"m{number}" for number in range(ATTEMPTS)]
    for name in names:
        servers.call("POST", "registered-models/create", name=name)

    def rename(name: str) -> Callable[[], tuple[int, Any]]:
        return lambda: servers.call("POST", "registered-models/rename", name=name, new_name="the one")

    replies = at_once([rename(name) for name in names])

    assert statuses(replies) == {200: 1, 400: ATTEMPTS - 1}
    found = servers.first.get("registered-models/search")["registered_models"]
    assert len({model["name"] for model in found}) == ATTEMPTS


def test_aliases_never_point_at_deleted_versions(servers: Servers) -> None:
    servers.call("POST", "registered-models/create", name="m")
    versions = [create(servers)[1]["model_version"]["version"] for _ in range(ATTEMPTS)]

    def give(version: str) -> Callable[[], tuple[int, Any]]:
        body = {"name": "m", "alias": f"to-{version}", "version": version}
        return lambda: servers.call("POST", "registered-models/alias", **body)

    def remove(version: str) -> Callable[[], tuple[int, Any]]:
        return lambda: servers.call("DELETE", "model-versions/delete", name="m", version=version)

    replies = at_once([act(version) for version in versions for act in (give, remove)])

    assert set(statuses(replies)) <= {200, 404}
    model = servers.first.get("registered-models/get", name="m")["registered_model"]
    assert "aliases" not in model
    assert "latest_versions" not in model


def test_a_model_deleted_while_it_grows_is_gone_whole(servers: Servers) -> None:
    servers.call("POST", "registered-models/create", name="m")
    create(servers)

    replies = at_once(
        [
            *[lambda: create(servers)] * ATTEMPTS,
            lambda: servers.call("DELETE", "registered-models/delete", name="m"),
        ]
    )

    assert set(statuses(replies)) <= {200, 404}
    assert replies[-1] == (200, {})
    assert servers.first.get("model-versions/search") == {}
    servers.call("POST", "registered-models/create", name="m")
    assert create(servers)[1]["model_version"]["version"] == "1"


def test_of_simultaneous_promotions_one_stays_in_production(servers: Servers) -> None:
    servers.call("POST", "registered-models/create", name="m")
    versions = [create(servers)[1]["model_version"]["version"] for _ in range(ATTEMPTS)]

    def promote(version: str) -> Callable[[], tuple[int, Any]]:
        body = {"name": "m", "version": version, "stage": "Production", "archive_existing_versions": True}
        return lambda: servers.call("POST", "model-versions/transition-stage", **body)

    replies = at_once([promote(version) for version in versions])

    assert statuses(replies) == {200: ATTEMPTS}
    found = servers.first.get("model-versions/search", filter="name = 'm'")["model_versions"]
    stages = Counter(version["current_stage"] for version in found)
    assert stages == {"Production": 1, "Archived": ATTEMPTS - 1}
