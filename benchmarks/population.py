"""A store full of runs, written straight into SQLite: through HTTP a million would take hours.

The runs are like real ones: twenty experiments, one of which has half of them; ten parameters, from a few
choices to never the same; five tags; five metrics, some absent, some NaN, some with a history.
"""

from __future__ import annotations

import datetime as dt
import random
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tracking_server.settings import Settings
from tracking_server.store.engine import Database

EXPERIMENTS = 20
BIG = 1
"""The experiment with half of the runs."""
START_MS = 1_700_000_000_000
EVERY_MS = 20_000
METRICS = ("loss", "val_loss", "accuracy", "f1", "epoch_time")
HISTORY_POINTS = 20
LONG_HISTORY = 100_000
USERS = ("ann", "bob", "eve", "joe", "kim", "lee", "max", "pat", "sam", "zoe")


def _into(table: str, columns: str, **same: object) -> str:
    """An INSERT of `columns`, whose values differ, and of what is the same in every row."""
    marks = ", ".join("?" for _ in columns.split(","))
    names = "".join(f", {name}" for name in same)
    values = "".join(f", {value!r}" for value in same.values())
    return f"INSERT INTO {table} ({columns}{names}) VALUES ({marks}{values})"  # constants


_RUNS = _into(
    "runs", "id, uuid, experiment_id, name, user_id, status, start_ms, end_ms, artifact_uri", deleted=0
)
_PARAMS = _into("params", "run_id, key, value, head, experiment_id, start_ms")
_TAGS = _into("run_tags", "run_id, key, value, head, experiment_id, start_ms")
_POINT = "run_id, key_id, timestamp_ms, step, value, is_nan"
_POINTS = _into("metrics", _POINT)
_LATEST = _into("latest_metrics", f"{_POINT}, experiment_id, start_ms")
_MODELS = _into(
    "logged_models",
    "uuid, experiment_id, name, source_run_uuid, artifact_uri, created_at_ms, updated_at_ms",
    model_type="sklearn",
    status=2,
    deleted=0,
)
_REGISTERED = _into(
    "registered_models", "id, name, created_at_ms, updated_at_ms", description="", last_version=3
)
_VERSIONS = _into(
    "model_versions",
    "registered_model_id, version, created_at_ms, updated_at_ms, run_uuid",
    stage="None",
    source="s3://models",
    run_link="",
    status="READY",
)


def run_uuid(number: int) -> str:
    """The id of the n-th run."""
    return f"{number:032x}"


def experiment_of(number: int) -> int:
    """The experiment of the n-th run: every second one is in the big one."""
    return BIG if number % 2 else 2 + number // 2 % (EXPERIMENTS - 1)


def make(store: Path, artifacts: Path) -> None:
    """An empty store with the experiments."""
    database = Database(
        Settings(backend_store_uri=f"sqlite:///{store}", artifacts_destination=str(artifacts))
    )
    database.open()
    database.close()
    with sqlite3.connect(store) as connection:
        connection.executemany(
            "INSERT INTO experiments VALUES (?,?,?,0,?,?)",
            [
                (number, f"experiment {number}", f"mlflow-artifacts:/{number}", START_MS, START_MS + number)
                for number in range(1, EXPERIMENTS + 1)
            ],
        )
        connection.executemany(
            "INSERT INTO metric_keys (id, name) VALUES (?,?)", list(enumerate(METRICS, start=1))
        )
    connection.close()


def grow(store: Path, first: int, until: int) -> None:
    """Add the runs from number `first` up to `until`, which is not among them."""
    connection = sqlite3.connect(store)
    connection.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-400000; PRAGMA temp_store=MEMORY;")
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    ).fetchall()
    rebuilt = until - first > 20_000
    if rebuilt:  # sorting once is much faster than inserting everywhere
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
    for start in range(first, until, 20_000):
        numbers = range(start, min(until, start + 20_000))
        _insert(connection, numbers)
        connection.commit()
        print(f"  {numbers[-1] + 1:,} runs", end="\r", file=sys.stderr)
    for name, sql in indexes if rebuilt else []:
        print(f"  index {name}          ", end="\r", file=sys.stderr)
        connection.execute(sql)
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def add_sweep(store: Path, first: int, trials: int) -> None:
    """A run of the big experiment with so many nested ones, newer than all before."""
    parent = run_uuid(first)
    with _opened(store) as connection:
        for number in range(first, first + 1 + trials):
            key, dice = (BIG, START_MS + number * EVERY_MS), random.Random(number)
            tags = [] if number == first else [("mlflow.parentRunId", parent)]
            connection.execute(_RUNS, _run(number, *key, dice))
            _add_texts(connection, number, key, tags)
            if number > first:
                connection.execute("UPDATE runs SET parent_uuid = ? WHERE id = ?", (parent, number + 1))
            for row in _metrics(number, key[1], dice):
                connection.execute(_LATEST, (*row, *key))
                connection.execute(_POINTS, row)


def add_wide(store: Path, number: int, metrics: int) -> None:
    """A run with so many metrics, a hundred points each."""
    key, dice = (BIG, START_MS + number * EVERY_MS), random.Random(number)
    with _opened(store) as connection:
        connection.execute(_RUNS, _run(number, *key, dice))
        _add_texts(connection, number, key, [])
        for metric in range(metrics):
            key_id = 1_000 + metric
            connection.execute("INSERT INTO metric_keys VALUES (?, ?)", (key_id, f"part-{metric:04}/loss"))
            points = list(_history(number, key_id, key[1], 100, dice))
            connection.executemany(_POINTS, points)
            connection.execute(_LATEST, (*points[-1], *key))


def add_long(store: Path, number: int, points: int) -> None:
    """A run with one metric of so many points."""
    key, dice = (BIG, START_MS + number * EVERY_MS), random.Random(number)
    with _opened(store) as connection:
        connection.execute(_RUNS, _run(number, *key, dice))
        _add_texts(connection, number, key, [])
        connection.executemany(_POINTS, _history(number, 1, key[1], points, dice))
        row = (number + 1, 1, key[1] + points - 1, points - 1, 0.5, 0)
        connection.execute(_LATEST, (*row, *key))


@contextmanager
def _opened(store: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(store)
    connection.execute("PRAGMA synchronous=OFF")
    yield connection
    connection.commit()
    connection.close()


def _add_texts(
    connection: sqlite3.Connection, number: int, key: tuple[int, int], tags: Iterable[tuple[str, str]]
) -> None:
    dice = random.Random(number)
    params = [(number + 1, name, value, value, *key) for name, value in _params(number, dice)]
    connection.executemany(_PARAMS, params)
    texts = [*_tags(number, f"run {number}", dice), *tags]
    connection.executemany(_TAGS, [(number + 1, name, value, value, *key) for name, value in texts])


def _insert(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    runs: list[tuple[object, ...]] = []
    params, tags, latest, points, models = list(runs), list(runs), list(runs), list(runs), list(runs)
    for number in numbers:
        dice = random.Random(number)
        key = (experiment_of(number), START_MS + number * EVERY_MS)
        runs.append(_run(number, *key, dice))
        params.extend((number + 1, name, value, value, *key) for name, value in _params(number, dice))
        tags.extend(
            (number + 1, name, value, value, *key) for name, value in _tags(number, runs[-1][3], dice)
        )
        for row in _metrics(number, key[1], dice):
            latest.append((*row, *key))
            points.append(row)
        if number % 50 == 0:
            points.extend(_history(number, 1, key[1], HISTORY_POINTS, dice))
        if number == 0:
            points.extend(_history(number, 2, key[1], LONG_HISTORY, dice))
        if number % 10 == 0:
            models.append(_model(number, *key))
    connection.executemany(_RUNS, runs)
    connection.executemany(_PARAMS, params)
    connection.executemany(_TAGS, tags)
    connection.executemany(_LATEST, latest)
    connection.executemany(_POINTS, points)
    connection.executemany(_MODELS, models)
    registered = [number for number in numbers if number % 100 == 0]
    connection.executemany(
        _REGISTERED,
        [(n + 1, f"model-{n}", START_MS + n * EVERY_MS, START_MS + n * EVERY_MS) for n in registered],
    )
    connection.executemany(
        _VERSIONS,
        [
            (n + 1, version, START_MS + n * EVERY_MS, START_MS + n * EVERY_MS, run_uuid(n))
            for n in registered
            for version in (1, 2, 3)
        ],
    )


def _run(number: int, experiment: int, start_ms: int, dice: random.Random) -> tuple[object, ...]:
    status = dice.choices(("FINISHED", "FAILED", "KILLED", "RUNNING"), (84, 14, 1, 1))[0]
    end_ms = None if status == "RUNNING" else start_ms + dice.randrange(1000, 3_600_000)
    uri = f"mlflow-artifacts:/{experiment}/{run_uuid(number)}/artifacts"
    name = (
        f"{dice.choice(('wise', 'bold', 'calm', 'odd'))}-{dice.choice(('owl', 'fox', 'bee'))}-{number % 1000}"
    )
    return number + 1, run_uuid(number), experiment, name, dice.choice(USERS), status, start_ms, end_ms, uri


def _params(number: int, dice: random.Random) -> Iterator[tuple[str, str]]:
    day = dt.datetime.fromtimestamp((START_MS + number * EVERY_MS) / 1000, dt.timezone.utc)
    yield "batch_size", str(2 ** dice.randrange(3, 9))
    yield "data", f"s3://data/{day:%Y-%m-%d}"
    yield "dropout", f"{dice.randrange(10) / 10}"
    yield "epochs", dice.choice(("10", "20", "50"))
    yield "lr", f"{10 ** dice.uniform(-5, 0):.3g}"
    yield "model", dice.choice(("resnet", "vit", "mlp", "tree"))
    yield "momentum", f"{dice.random():.6f}"
    yield "note", f"trial {number} of the search"
    yield "optimizer", dice.choice(("adam", "sgd", "rmsprop"))
    yield "seed", str(dice.randrange(1_000_000))


def _tags(number: int, name: object, dice: random.Random) -> Iterator[tuple[str, str]]:
    yield "mlflow.runName", str(name)
    yield "mlflow.source.git.commit", f"{number // 200:040x}"
    yield "mlflow.source.name", "train.py"
    yield "mlflow.user", dice.choice(USERS)
    yield "team", dice.choice(("vision", "speech", "text", "ads", "core"))


def _metrics(number: int, start_ms: int, dice: random.Random) -> Iterator[tuple[object, ...]]:
    for key, _ in enumerate(METRICS, start=1):
        if dice.random() < 0.1:
            continue
        is_nan = dice.random() < 0.01
        # Half of all accuracies are the same few numbers, as those of small test sets are.
        value = round(dice.random(), 2 if key == 3 else 9)
        yield number + 1, key, start_ms + 1_000_000, 1000, 0.0 if is_nan else value, int(is_nan)


def _history(
    number: int, key: int, start_ms: int, points: int, dice: random.Random
) -> Iterator[tuple[object, ...]]:
    for step in range(points):
        yield number + 1, key, start_ms + step, step % 1000 if points < 1000 else step, dice.random(), 0


def _model(number: int, experiment: int, start_ms: int) -> tuple[object, ...]:
    uri = f"mlflow-artifacts:/{experiment}/models/m-{number:032x}/artifacts"
    return f"m-{number:032x}", experiment, f"model-{number % 7}", run_uuid(number), uri, start_ms, start_ms
