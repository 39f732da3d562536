"""Real PostgreSQL and MariaDB servers for the tests, in directories of their own, on loopback.

They refuse to run as root, so that they are started as another user where the tests run as root. Start one with
`with postgresql() as server`, or have it by the fixtures of conftest.py.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest
import sqlalchemy
from sqlalchemy import Engine, text

from tracking_server.settings import Settings
from tracking_server.store.engine import Database

START_S = 60.0


@dataclass
class DatabaseServer:
    """A database server that the tests own. `admin` is connected to its own database."""

    kind: str
    command: Sequence[str]
    directory: Path
    port: int
    user: str | None
    log: Path
    process: subprocess.Popen[bytes] | None = None
    made: int = 0
    _admin: Engine | None = field(default=None)

    @property
    def admin_uri(self) -> str:
        if self.kind == "postgresql":
            return f"postgresql+psycopg://tester@127.0.0.1:{self.port}/postgres"
        return f"mysql+pymysql://root@127.0.0.1:{self.port}/mysql"

    def uri(self, database: str) -> str:
        """What a user gives as --backend-store-uri."""
        if self.kind == "postgresql":
            return f"postgresql://tester@127.0.0.1:{self.port}/{database}"
        return f"mysql://root@127.0.0.1:{self.port}/{database}"

    @property
    def admin(self) -> Engine:
        if self._admin is None:
            self._admin = sqlalchemy.create_engine(
                self.admin_uri, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool
            )
        return self._admin

    def create_database(self, template: str | None = None) -> str:
        """A new database; on PostgreSQL a copy of `template` where that is given."""
        self.made += 1
        name = f"store_{self.made}"
        copied = f" TEMPLATE {template} STRATEGY wal_log" if template else ""
        with self.admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}{copied}"))
        return name

    def drop_database(self, name: str) -> None:
        forced = " WITH (FORCE)" if self.kind == "postgresql" else ""
        with self.admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name}{forced}"))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self.log.open("ab") as output:
            self.process = _spawn(self.command, self.user, self.directory, output)
        until = time.monotonic() + START_S
        while True:
            assert self.process.poll() is None, self.log.read_text(errors="replace")
            assert time.monotonic() < until, self.log.read_text(errors="replace")
            try:
                with self.admin.connect():
                    return
            except sqlalchemy.exc.DBAPIError:
                time.sleep(0.02)

    def kill(self) -> None:
        """As a crash of the machine ends it: nothing is tidied up. All its processes go."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> None:
        """At once, but in order; harmless when it does not run."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT if self.kind == "postgresql" else signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


def _spawn(
    command: Sequence[str], user: str | None, directory: Path, output: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        # Not the test's HOME: it outlives the test that starts it.
        env={"PATH": os.environ["PATH"], "HOME": str(directory), "LC_ALL": "C.UTF-8"},
        user=user,
        group=None if user is None else pwd.getpwnam(user).pw_gid,
        extra_groups=None if user is None else [],
        start_new_session=True,
    )


def _run(command: Sequence[str], user: str | None, directory: Path) -> None:
    with tempfile.TemporaryFile() as output:
        process = _spawn(command, user, directory, output)
        code = process.wait(120)
        output.seek(0)
        assert code == 0, output.read().decode(errors="replace")


def _program(name: str, *places: str) -> str:
    """Where a program is. Skips the test where it is nowhere."""
    found = shutil.which(name)
    for pattern in places:
        newest_first = sorted(Path("/").glob(pattern.lstrip("/")), key=str, reverse=True)
        found = found or next((str(path) for path in newest_first), None)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def _user(name: str) -> str | None:
    """Whom to run as: somebody else than root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return name if name in known else "nobody"


@contextlib.contextmanager
def _directory(user: str | None) -> Iterator[Path]:
    # Short, since the paths of sockets are; and not below pytest's, which only its owner may enter.
    directory = Path(tempfile.mkdtemp(prefix="db-"))
    try:
        if user is not None:
            os.chown(directory, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        yield directory
    finally:
        shutil.rmtree(directory)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def postgresql(*, durable: bool = False) -> Iterator[DatabaseServer]:
    """A PostgreSQL that runs; only a `durable` one waits for the disk."""
    postgres = _program("postgres", "/usr/lib/postgresql/*/bin/postgres")
    user = _user("postgres")
    with _directory(user) as directory:
        data = directory / "data"
        initdb = [str(Path(postgres).with_name("initdb")), f"--pgdata={data}", "--username=tester"]
        _run([*initdb, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"], user, directory)
        port = _free_port()
        options = [
            f"-p{port}",
            f"-k{directory}",
            "-hlocalhost",
            "-cmax_connections=60",
            "-cshared_buffers=32MB",
        ]
        if not durable:
            options += ["-F", "-csynchronous_commit=off", "-cfull_page_writes=off"]
        server = DatabaseServer(
            "postgresql", [postgres, f"-D{data}", *options], directory, port, user, directory / "log"
        )
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def mariadb(*, durable: bool = False) -> Iterator[DatabaseServer]:
    """A MariaDB that runs; only a `durable` one waits for the disk."""
    mariadbd = _program("mariadbd", "/usr/sbin/mariadbd")
    install = _program("mariadb-install-db", "/usr/bin/mariadb-install-db")
    user = _user("mysql")
    with _directory(user) as directory:
        data = directory / "data"
        install_options = [
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ]
        _run([install, "--no-defaults", f"--datadir={data}", *install_options], user, directory)
        port = _free_port()
        options = [f"--port={port}", "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=64M"]
        options += [f"--socket={directory}/socket", f"--pid-file={directory}/pid", "--skip-name-resolve"]
        if not durable:
            options += ["--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"]
            options += ["--skip-innodb-doublewrite", "--skip-log-bin"]
        server = DatabaseServer(
            "mariadb",
            [mariadbd, "--no-defaults", f"--datadir={data}", *options],
            directory,
            port,
            user,
            directory / "log",
        )
        try:
            server.start()
            yield server
        finally:
            server.stop()


class Stores:
    """Databases of one server for one test after another, each with nothing but a fresh schema."""

    def __init__(self, server: DatabaseServer) -> None:
        self.server = server
        self._template: str | None = None
        self._idle: list[str] = []

    def take(self) -> str:
        """The URI of a store that nobody else uses."""
        if self.server.kind == "postgresql":
            if self._template is None:
                self._template = self.server.create_database()
                _make_schema(self.server.uri(self._template))
            return self.server.uri(self.server.create_database(self._template))
        if not self._idle:
            self._idle.append(self.server.create_database())
        return self.server.uri(self._idle.pop())

    def give_back(self, uri: str) -> None:
        """Take the store back. Copying is fast on PostgreSQL, emptying is on MariaDB."""
        name = uri.rpartition("/")[2]
        if self.server.kind == "postgresql":
            self.server.drop_database(name)
            return
        with self.server.admin.connect() as connection:
            connection.execute(text("SET FOREIGN_KEY_CHECKS = 0"))
            tables = connection.execute(text(f"SHOW TABLES FROM {name}")).scalars().all()
            for table in tables:
                if table == "alembic_version":
                    continue
                if connection.execute(text(f"SELECT 1 FROM {name}.{table} LIMIT 1")).first() is not None:
                    connection.execute(text(f"TRUNCATE {name}.{table}"))
        self._idle.append(name)


def _make_schema(uri: str) -> None:
    database = Database(Settings(backend_store_uri=uri, artifacts_destination="nowhere"))
    database.open()
    database.close()
