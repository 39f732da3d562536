"""Races between servers on one database: each `Database` here has its own connections, as a process would."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, text, update

from tracking_server.errors import AlreadyExists, InvalidParameter
from tracking_server.settings import Settings
from tracking_server.store import experiments, inputs, metric_keys, runs, schema
from tracking_server.store.engine import Database
from tracking_server.store.metrics import MetricPoint
from tracking_server.store.records import Dataset

SERVERS = 4
ROUNDS = 15


@pytest.fixture
def servers(settings: Settings) -> Iterator[list[Database]]:
    opened = [Database(settings) for _ in range(SERVERS)]
    for database in opened:
        database.open()
    yield opened
    for database in opened:
        database.close()


def at_once(servers: list[Database], work: Callable[[int], Callable[[Connection], Any]]) -> list[Any]:
    """The result or error of `work(number)` on each server, begun together."""
    together = threading.Barrier(len(servers))

    def one(number: int) -> Any:
        together.wait(10)
        try:
            return servers[number].write_and_wait(work(number))
        except Exception as error:  # noqa: BLE001  # compared by the test
            return error

    with ThreadPoolExecutor(len(servers)) as pool:
        return list(pool.map(one, range(len(servers))))


def new_run(database: Database, **given: Any) -> str:
    new = runs.NewRun(experiment_id="0", tags={}, **given)
    return database.write_and_wait(lambda connection: runs.create(connection, new)).info.run_id


def test_of_experiments_created_at_once_one_is_made_and_the_others_are_told(servers: list[Database]) -> None:
    for number in range(ROUNDS):
        made = at_once(
            servers,
            lambda _server, name=f"experiment {number}": (
                lambda connection: experiments.create(  # type: ignore[misc]  # a default for the loop's name
                    connection,
                    name,
                    artifact_location=None,
                    artifact_root="mlflow-artifacts:",
                    tags={"a": "b"},
                )
            ),
        )
        ids = [one for one in made if isinstance(one, str)]
        assert len(ids) == 1, made
        assert all(isinstance(one, (str, AlreadyExists)) for one in made), made


def test_a_run_created_at_once_under_one_id_is_one_run(servers: list[Database]) -> None:
    for number in range(ROUNDS):
        new = runs.NewRun(experiment_id="0", tags={"n": "1"}, name="r", start_ms=5, run_id=f"{number:032x}")
        made = at_once(servers, lambda _server, new=new: lambda connection: runs.create(connection, new))  # type: ignore[misc]  # a default for the loop's name
        assert [one.info.run_id for one in made] == [new.run_id] * SERVERS
        assert len({one.info.artifact_uri for one in made}) == 1


def test_a_parameter_written_at_once_has_one_value_and_the_others_are_refused(
    servers: list[Database],
) -> None:
    run_id = new_run(servers[0])
    for number in range(ROUNDS):
        key = f"p{number}"
        told = at_once(
            servers,
            lambda server, key=key: (
                lambda connection: runs.log(  # type: ignore[misc]  # a default for the loop's name
                    connection, run_id, new_params={"a": "same", key: str(server)}
                )
            ),
        )
        accepted = [server for server, one in enumerate(told) if one is None]
        stored = servers[0].read_now(lambda connection: runs.get(connection, run_id)).data.params
        assert [param.value for param in stored if param.key == key] == [str(server) for server in accepted]
        refused = [one for one in told if one is not None]
        assert all(isinstance(one, InvalidParameter) and "already logged" in str(one) for one in refused), (
            told
        )


def test_the_latest_point_is_right_whoever_wrote_last(servers: list[Database]) -> None:
    run_id = new_run(servers[0])

    def log(server: int) -> Callable[[Connection], Any]:
        def work(connection: Connection) -> None:
            # Steps interleave, and each server takes the metrics in an order of its own.
            keys = [f"m{(n + server) % 5}" for n in range(5)]
            for step in range(server, 40, SERVERS):
                points = [MetricPoint(key=key, value=step / 2, timestamp_ms=1, step=step) for key in keys]
                runs.log(connection, run_id, points=points)

        return work

    assert at_once(servers, log) == [None] * SERVERS

    run = servers[0].read_now(lambda connection: runs.get(connection, run_id))
    assert [(point.key, point.step, point.value) for point in run.data.metrics] == [
        (f"m{n}", 39, 19.5) for n in range(5)
    ]
    counted = select(func.count()).select_from(schema.metrics)
    assert servers[0].read_now(lambda connection: connection.execute(counted).scalar()) == 5 * 40


def test_a_metric_name_new_to_all_gets_one_id(servers: list[Database]) -> None:
    for number in range(ROUNDS):
        names = [f"{number}-{n}" for n in range(20)]
        ids = at_once(
            servers,
            lambda server, names=names: (
                lambda connection: metric_keys.ensure(  # type: ignore[misc]  # a default for the loop's name
                    connection, names if server % 2 else reversed(names)
                )
            ),
        )
        assert all(isinstance(one, dict) and one == ids[0] for one in ids), ids
        assert len(set(ids[0].values())) == len(names)


def test_a_dataset_noted_at_once_is_one_dataset(servers: list[Database]) -> None:
    run_ids = [new_run(server) for server in servers]
    for number in range(ROUNDS):
        dataset = Dataset(
            name=f"d{number}", digest="1", source_type="s", source="s", schema=None, profile=None
        )

        def note(server: int, dataset: Dataset = dataset) -> Callable[[Connection], Any]:
            used = [inputs.UsedDataset(dataset=dataset)]
            return lambda connection: inputs.log_datasets(
                connection, runs.find(connection, run_ids[server]), used
            )

        assert at_once(servers, note) == [None] * SERVERS
    counted = select(func.count()).select_from(schema.datasets)
    assert servers[0].read_now(lambda connection: connection.execute(counted).scalar()) == ROUNDS


def test_deadlocks_cost_time_and_nothing_else(servers: list[Database]) -> None:
    servers[0].write_and_wait(
        lambda connection: connection.execute(
            insert(schema.metric_keys), [{"name": f"n{n}"} for n in range(4)]
        )
    )
    ran: list[int] = []

    def write(server: int) -> Callable[[Connection], Any]:
        def work(connection: Connection) -> None:
            # The worst order: everybody locks what the other one wants next.
            ran.append(server)
            for n in range(4) if server % 2 else reversed(range(4)):
                row = schema.metric_keys.c.name.like(f"n{n}%")
                name = schema.metric_keys.c.name
                connection.execute(
                    update(schema.metric_keys).where(row).values(name=name.concat(str(server)))
                )

        return work

    for _ in range(3):
        assert at_once(servers, write) == [None] * SERVERS

    found = servers[0].read_now(
        lambda connection: connection.execute(select(schema.metric_keys.c.name)).all()
    )
    assert len(found) == 4
    for (name,) in found:
        assert sorted(name[2:]) == sorted("0123" * 3)
    assert len(ran) >= 3 * SERVERS


def test_a_lock_that_somebody_holds_for_long_is_waited_for_a_while_only(
    servers: list[Database], kind_of_database: str
) -> None:
    run_id = new_run(servers[0])
    limit = {"postgresql": "SET lock_timeout = '100ms'", "mariadb": "SET innodb_lock_wait_timeout = 1"}
    if kind_of_database in limit:
        servers[1].write_and_wait(lambda connection: connection.execute(text(limit[kind_of_database])))
    locked, release = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        runs.change(connection, run_id, name="held")
        locked.set()
        assert release.wait(20)

    holder = threading.Thread(target=servers[0].write_and_wait, args=(hold,))
    holder.start()
    assert locked.wait(10)
    threading.Timer(1.5, release.set).start()

    info = servers[1].write_and_wait(lambda connection: runs.change(connection, run_id, status="FINISHED"))

    holder.join(10)
    assert (info.run_name, info.status) == ("held", "FINISHED")
