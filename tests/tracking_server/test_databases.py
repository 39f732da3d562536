"""What every database must agree on: names byte by byte, texts of any length, numbers to the last digit."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable
from typing import Any

import pytest

from tests.tracking_server.conftest import V2, Api
from tracking_server.errors import Unavailable
from tracking_server.store import schema
from tracking_server.store.metadata import metadata

MAX_FLOAT = 1.7976931348623157e308
INT64 = 2**63 - 1


def test_names_that_differ_in_case_accent_or_blanks_are_different_names(api: Api) -> None:
    names = [
        "loss",
        "Loss",
        "LOSS",
        "löss",
        "lóss",
        "loss ",
        "loss\u0301",
        "ﬂoss",
        "flo\u00df",
        "floss",
        "🙂",
        "🙃",
    ]
    ids = [api.experiment(name) for name in names]
    run_id = api.run()
    api.post(
        "runs/log-batch",
        run_id=run_id,
        metrics=[
            {"key": f"m/{name}".rstrip() + "/x", "value": n, "timestamp": 1} for n, name in enumerate(names)
        ][:5],
        params=[{"key": f"p {name}.", "value": name} for name in names if name.isascii()],
        tags=[{"key": f"t {name}.", "value": name} for name in names if name.isascii()],
    )

    assert len(set(ids)) == len(names)
    for name, experiment_id in zip(names, ids, strict=True):
        found = api.get("experiments/get-by-name", experiment_name=name)["experiment"]
        assert (found["name"], found["experiment_id"]) == (name, experiment_id)
    data = api.whole_run(run_id)["data"]
    assert {param["key"]: param["value"] for param in data["params"]} == {
        f"p {name}.": name for name in names if name.isascii()
    }
    assert {metric["key"]: metric["value"] for metric in data["metrics"]} == {
        f"m/{name}/x": n for n, name in enumerate(names[:5])
    }


def found_by(api: Api, operator: str, pattern: str, texts: dict[str, str]) -> set[str]:
    return {texts[run] for run in api.search(f"tags.text {operator} '{pattern}'")}


def test_like_and_ilike_mean_the_same(api: Api) -> None:
    values = [
        "Straße",
        "STRASSE",
        "ÉCOLE",
        "école",
        "Ecole",
        "a_b",
        "axb",
        "100%",
        "1000",
        r"a\_b",
        "ΣΊΣΥΦΟΣ",
        "Привет",
    ]
    texts = {api.run(tags=[{"key": "text", "value": value}]): value for value in values}

    def found(operator: str, pattern: str) -> set[str]:
        return found_by(api, operator, pattern, texts)

    assert found("LIKE", "école") == {"école"}
    assert found("LIKE", "%COLE") == {"ÉCOLE"}
    assert found("ILIKE", "École") == {"ÉCOLE", "école"}
    assert found("ILIKE", "%cole") == {"ÉCOLE", "école", "Ecole"}
    assert found("ILIKE", "straß%") == {"Straße"}
    assert found("ILIKE", "привет") == {"Привет"}
    assert found("LIKE", "a_b") == {"a_b", "axb"}
    assert found("LIKE", r"a\_b") == {r"a\_b"}
    assert found("LIKE", "100%") == {"100%", "1000"}
    assert found("=", "École") == set()
    assert found("!=", "école") == set(values) - {"école"}


def test_texts_are_sorted_by_their_characters_numbers(api: Api) -> None:
    values = ["a", "B", "b", "A", "é", "Z", "_", "aa", "a b", "🙂", "ﬂ"]
    for value in values:
        api.run(tags=[{"key": "text", "value": value}])

    def read(order: str) -> list[str]:
        found = api.post("runs/search", experiment_ids=["0"], order_by=[f"tags.text {order}"])["runs"]
        return [tag["value"] for run in found for tag in run["data"]["tags"] if tag["key"] == "text"]

    assert read("ASC") == sorted(values)
    assert read("DESC") == sorted(values, reverse=True)


def test_long_texts_come_back_whole(api: Api) -> None:
    run_id = api.run()
    longest = {"name": "n" * 500, "digest": "d" * 36, "source_type": "s" * 36, "source": "ü" * 65_535}
    longest |= {"schema": "€" * 1_048_575, "profile": "🙂" * 2_000_000}
    api.post("runs/log-inputs", run_id=run_id, datasets=[{"dataset": longest}])
    api.post("runs/log-parameter", run_id=run_id, key="k" * 250, value="🙂" * 6000)
    api.post("runs/set-tag", run_id=run_id, key="ü" * 250, value="🙂" * 8000)

    run = api.whole_run(run_id)

    assert run["inputs"]["dataset_inputs"][0]["dataset"] == longest
    assert {"key": "k" * 250, "value": "🙂" * 6000} in run["data"]["params"]
    assert {"key": "ü" * 250, "value": "🙂" * 8000} in run["data"]["tags"]


@pytest.mark.parametrize(
    ("sent", "back"),
    [
        (MAX_FLOAT, MAX_FLOAT),
        (-MAX_FLOAT, -MAX_FLOAT),
        ("Infinity", MAX_FLOAT),
        ("-Infinity", -MAX_FLOAT),
        ("NaN", "NaN"),
        (5e-324, 5e-324),
        (2.2250738585072014e-308, 2.2250738585072014e-308),
        (0.1 + 0.2, 0.1 + 0.2),
        (-123456789.12345679, -123456789.12345679),
        (9007199254740993.0, 9007199254740993.0),
    ],
)
def test_metrics_come_back_to_the_last_digit(api: Api, sent: Any, back: Any) -> None:
    run_id = api.run()
    times = {"timestamp": INT64, "step": -INT64 - 1}
    for _ in range(2):
        api.post("runs/log-metric", run_id=run_id, key="m", value=sent, **times)

    latest = api.whole_run(run_id)["data"]["metrics"]
    history = api.get("metrics/get-history", run_id=run_id, metric_key="m")["metrics"]

    assert [point["value"] for point in latest] == [back]
    assert [(point["value"], int(point["timestamp"]), int(point["step"])) for point in history] == [
        (back, INT64, -INT64 - 1)
    ]


def points_in_any_order(seed: int) -> list[tuple[int, int, float]]:
    """Points as (step, timestamp, value), with many ties in front."""
    shuffled = [(step, at, float(value)) for step in range(3) for at in range(3) for value in range(3)]
    random.Random(seed).shuffle(shuffled)
    return shuffled


@pytest.mark.parametrize("seed", range(4))
def test_the_latest_point_is_the_one_of_the_highest_step_then_time_then_value(api: Api, seed: int) -> None:
    run_id = api.run()
    best = (-1, -1, -1.0)
    for step, at, value in points_in_any_order(seed):
        api.post("runs/log-metric", run_id=run_id, key="m", value=value, timestamp=at, step=step)
        best = max(best, (step, at, value))

        (latest,) = api.whole_run(run_id)["data"]["metrics"]
        assert (int(latest["step"]), int(latest["timestamp"]), latest["value"]) == best


def some_text(length: int, alphabet: str) -> str:
    return "".join(random.Random(length).choices(alphabet, k=length))


@pytest.mark.parametrize("alphabet", [string.ascii_letters, "àéîõü", "🙂🙃😉😎"])
def test_the_longest_names_of_a_models_metric_are_stored_or_refused(api: Api, alphabet: str) -> None:
    """The widest key of all: PostgreSQL's indexes end at 2704 bytes an entry, MySQL's at 3072."""
    run_id = api.run()
    model_id = api.post("logged-models", experiment_id="0", name="model")["model"]["info"]["model_id"]
    point = {
        "key": some_text(250, alphabet) if alphabet.isascii() else "k" * 250,
        "model_id": model_id,
        "dataset_name": some_text(500, alphabet),
        "dataset_digest": "d" * 36,
    }

    reply = api.http.post(
        f"{V2}/runs/log-metric", json={"run_id": run_id, "value": 1, "timestamp": 2, "step": 3, **point}
    )

    model = api.get(f"logged-models/{model_id}")["model"]
    assert reply.status_code == 200, reply.text
    (stored,) = model["data"]["metrics"]
    assert {name: stored[name] for name in point} == point


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("runs/set-tag", {"key": "k", "value": "a\x00b"}),
        ("runs/log-parameter", {"key": "k", "value": "a\x00b"}),
        ("runs/log-parameter", {"key": "k", "value": "a\ud800b"}),
        ("runs/log-metric", {"key": "k", "value": 1, "timestamp": 2**63, "step": 0}),
        ("runs/log-metric", {"key": "k", "value": 1, "timestamp": 1, "step": -(2**63) - 1}),
    ],
    ids=repr,
)
def test_what_a_database_cannot_hold_is_refused_and_nothing_of_the_batch_is_kept(
    api: Api, kind_of_database: str, call: str, body: dict[str, Any]
) -> None:
    run_id = api.run()
    before = api.whole_run(run_id)

    reply = api.http.post(
        f"{V2}/{call}",
        content=json.dumps({"run_id": run_id, **body}),
        headers={"Content-Type": "application/json"},
    )

    if "\x00" in str(body.get("value")) and kind_of_database != "postgresql":
        assert reply.status_code == 200
        return
    assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), reply.text
    assert api.whole_run(run_id) == before


def test_a_page_too_long_to_wait_for_is_given_up(
    api: Api, kind_of_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "postgresql": "SELECT pg_sleep(60)",
        "mariadb": "SELECT sleep(60)",
    }[kind_of_database]
    shorter = {
        "postgresql": "SET LOCAL statement_timeout = 200",
        "mariadb": "SET SESSION max_statement_time = 0.2",
    }

    def work(connection: Any) -> None:
        if kind_of_database in shorter:
            connection.exec_driver_sql(shorter[kind_of_database])
        connection.exec_driver_sql(endless).all()

    monkeypatch.setattr("tracking_server.store.connections.READ_LIMIT_S", 0.2)
    with pytest.raises(Unavailable, match="too long"):
        api.application.database.read_now(work)
    assert (
        api.application.database.read_now(lambda connection: connection.exec_driver_sql("SELECT 1").scalar())
        == 1
    )


def test_readers_see_one_snapshot_and_can_write_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    database = api.application.database

    def looks_twice(connection: Any) -> tuple[int, int]:
        count = "SELECT count(*) FROM runs"
        before = connection.exec_driver_sql(count).scalar()
        database.write_and_wait(lambda writing: writing.exec_driver_sql("SELECT 1").scalar())
        api.run()
        return before, connection.exec_driver_sql(count).scalar()

    before, after = database.read_now(looks_twice)
    assert before == after
    monkeypatch.setattr("tracking_server.store.engine.RETRY_S", 0.0)
    with pytest.raises(Unavailable):
        database.read_now(lambda connection: connection.execute(schema.metric_keys.insert().values(name="x")))


def test_every_text_of_the_schema_is_compared_by_bytes(api: Api, kind_of_database: str) -> None:
    """Also those that migrations add later."""
    query: Callable[[Any], Any] = {
        "sqlite": lambda connection: [],
        "postgresql": lambda connection: connection.exec_driver_sql(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND "
            "data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'"
        ).all(),
        "mariadb": lambda connection: connection.exec_driver_sql(
            "SELECT table_name, column_name, collation_name FROM information_schema.columns WHERE "
            "table_schema = database() AND collation_name NOT IN ('utf8mb4_nopad_bin', 'ascii_bin')"
        ).all(),
    }[kind_of_database]

    assert api.application.database.read_now(query) == []
    assert len(metadata.tables) > 15
