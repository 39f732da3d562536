"""Which driver a URI gets, and that no password is ever shown."""

from __future__ import annotations

import importlib.util
import logging
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from tests.tracking_server.database_servers import Stores
from tracking_server.errors import StartRefused
from tracking_server.settings import Settings
from tracking_server.store import connections
from tracking_server.store.engine import Database

REPOSITORY = Path(__file__).resolve().parents[2]
SECRET = "s3cr3t-pass"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://u:p@h:5/d", "postgresql+psycopg://u:p@h:5/d"),
        ("postgres://h/d", "postgresql+psycopg://h/d"),
        ("postgresql+psycopg2://h/d?sslmode=require", "postgresql+psycopg://h/d?sslmode=require"),
        ("mysql://u:p@h/d", "mysql+pymysql://u:p@h/d"),
        ("mysql+mysqldb://h/d", "mysql+pymysql://h/d"),
        ("mariadb://h/d", "mysql+pymysql://h/d"),
    ],
)
def test_the_scheme_alone_decides_the_driver(given: str, used: str) -> None:
    assert connections.server_url(given).render_as_string(hide_password=False) == used


@pytest.mark.parametrize(
    ("kind", "driver", "distribution"),
    [("postgresql", "psycopg", "psycopg[binary]"), ("mysql", "pymysql", "PyMySQL[rsa]")],
)
def test_a_missing_driver_is_refused_with_the_command_that_installs_it(
    kind: str, driver: str, distribution: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec

    def without(name: str) -> ModuleSpec | None:
        return None if name == driver else find_spec(name)

    monkeypatch.setattr(connections, "find_spec", without)
    settings = Settings(backend_store_uri=f"{kind}://u:{SECRET}@h/d", artifacts_destination="a")

    with pytest.raises(StartRefused) as refused:
        Database(settings)

    assert f"pip install '{distribution}'" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "uri",
    [
        f"postgresql://user:{SECRET}@127.0.0.1:1/d",
        f"postgresql://127.0.0.1:1/d?user=u&password={SECRET}",
        f"mysql://user:{SECRET}@127.0.0.1:1/d",
        f"postgresql://user:{SECRET}@127.0.0.1:notaport/d",
        f"mysql://user:{SECRET}@127.0.0.1:1:2/d",
        f"oracle://user:{SECRET}@h/d",
        f"mssql+pyodbc://user:{SECRET}@h/d",
    ],
)
def test_a_start_that_fails_shows_no_password(
    uri: str,
    run_to_end: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("tracking_server.store.engine.START_RETRY_S", 0.0)
    caplog.set_level(logging.DEBUG)

    with pytest.raises(StartRefused) as refused:
        Database(Settings(backend_store_uri=uri, artifacts_destination="a")).open()

    assert SECRET not in str(refused.value) + caplog.text
    assert "database" in str(refused.value).lower()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_wrong_password_or_database_ends_the_start_at_once_and_is_not_shown(
    kind: str, request: pytest.FixtureRequest
) -> None:
    stores: Stores = request.getfixturevalue(f"{kind}_stores")
    scheme = "postgresql" if kind == "postgresql" else "mysql"
    uri = f"{scheme}://nobody_known:{SECRET}@127.0.0.1:{stores.server.port}/nothing"

    done = subprocess.run(
        [sys.executable, "-m", "tracking_server", f"--backend-store-uri={uri}", "--artifacts-destination=a"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 2, done.stderr
    assert "Cannot open the database" in done.stderr
    assert "nobody_known" in done.stderr or "nothing" in done.stderr
    assert SECRET not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
