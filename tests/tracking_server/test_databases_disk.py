"""A SQLite store whose disk is full, fails or may not be written to."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.small_disks import fill
from tests.tracking_server.conftest import V2, Api, ServerProcess
from tracking_server.errors import StartRefused
from tracking_server.settings import Settings
from tracking_server.store.engine import Database


@pytest.fixture
def settings(disk: Path, tmp_path: Path) -> Settings:
    return Settings(
        backend_store_uri=f"sqlite:///{disk}/mlruns.db", artifacts_destination=str(tmp_path / "artifacts")
    )


def batch(run_id: str, step: int) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "metrics": [{"key": f"m{n}", "value": n, "timestamp": 1, "step": step} for n in range(100)],
        "tags": [{"key": f"t{step}.{n}", "value": "x" * 500} for n in range(100)],
    }


def test_a_full_disk_is_a_503_that_leaves_nothing_half_and_passes(
    disk: Path, start_server: Callable[..., ServerProcess]
) -> None:
    server = start_server()
    run_id = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    server.post("runs/log-batch", **batch(run_id, 0))
    for times in range(3):
        filler = fill(disk)
        replies = []
        for step in range(1, 40):
            replies.append(server.http.post(f"{V2}/runs/log-batch", json=batch(run_id, 100 * times + step)))
            if replies[-1].status_code != 200:
                break
        refused = replies[-1]
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1"), refused.text
        assert "full" in refused.json()["message"] or "disk I/O" in refused.json()["message"]
        # What can be read is still read, and is whole.
        tags = [tag["key"] for tag in server.get("runs/get", run_id=run_id)["run"]["data"]["tags"]]
        counts = {step: sum(key.startswith(f"t{step}.") for key in tags) for step in range(40)}
        assert set(counts.values()) <= {0, 100}
        assert counts[0] == 100
        filler.unlink()
        again = server.http.post(f"{V2}/runs/log-batch", json=batch(run_id, 99))
        assert again.status_code == 200, again.text
        server.post("runs/delete", run_id=run_id)
        run_id = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
        server.post("runs/log-batch", **batch(run_id, 0))
        if (disk / "mlruns.db").stat().st_size > 1_500_000:
            break
    assert server.stop() == 0
    with sqlite3.connect(disk / "mlruns.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_connections_that_fail_on_their_disk_are_opened_anew(api: Api) -> None:
    """As seen once after a full disk: "disk I/O error" from a connection whose file was well."""
    database = api.application.database
    failures = iter([True, False])

    def work(connection: Any) -> Any:
        if next(failures):
            raise sqlite3.OperationalError("disk I/O error")
        return connection.exec_driver_sql("SELECT count(*) FROM experiments").scalar()

    def through_driver(connection: Any) -> Any:
        from sqlalchemy.exc import DBAPIError

        try:
            return work(connection)
        except sqlite3.OperationalError as error:
            raise DBAPIError.instance("SELECT", (), error, sqlite3.Error) from error

    assert database.read_now(through_driver) == 1
    failures = iter([True, False])
    assert database.write_and_wait(through_driver) == 1


def test_a_directory_that_cannot_be_written_to_is_refused_at_the_start(
    disk: Path, settings: Settings
) -> None:
    for content in ("nothing", "a store"):
        if content == "a store":
            database = Database(settings)
            database.open()
            database.close()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True, capture_output=True)

        with pytest.raises(StartRefused) as refused:
            Database(settings).open()

        assert str(disk) in str(refused.value)
        assert "cannot be written to" in str(refused.value)
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True, capture_output=True)


def test_health_is_503_while_nothing_can_be_written_and_200_again_by_itself(
    disk: Path, start_server: Callable[..., ServerProcess], wait_for: Callable[..., None]
) -> None:
    server = start_server()
    run_id = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    assert server.http.get("/health").status_code == 200
    filler = fill(disk)
    for step in range(100):
        if server.http.post(f"{V2}/runs/log-batch", json=batch(run_id, step)).status_code == 503:
            break

    wait_for(lambda: server.http.get("/health").status_code == 503)
    assert "takes no writes" in server.http.get("/health").json()["message"]
    filler.unlink()
    wait_for(lambda: server.http.get("/health").status_code == 200)
