"""How the store connects to each database: drivers, session settings, time-outs.

A store has two engines: one connection that writes, and a few that read consistent snapshots and can do
nothing else. Every wait has an end: for a connection, for a lock, for a query, for a peer that fell silent.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from tracking_server.errors import StartRefused
from tracking_server.settings import Settings

READERS = 4
BUSY_TIMEOUT_MS = 10_000
READ_LIMIT_S = 30
LOCK_LIMIT_S = 5
CONNECT_LIMIT_S = 3
SILENCE_LIMIT_S = 60

_DEADLINE_CHECK_EVERY = 50_000  # SQLite instructions: about a millisecond
_KINDS = {"postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql"}
_DISTRIBUTIONS = {"postgresql": "psycopg[binary]", "mysql": "PyMySQL[rsa]"}


def describe(settings: Settings) -> str:
    """The database as it may be printed: no user, no password, no options."""
    path = settings.sqlite_path
    if path is not None:
        return str(path)
    url = server_url(settings.backend_store_uri)
    host = f"{url.host}:{url.port}" if url.port else url.host or "localhost"
    return f"{url.get_backend_name()}://{host}/{url.database or ''}"


def engines(settings: Settings) -> tuple[Engine, Engine]:
    """The engine that writes and the one that reads. Connects to nothing yet. Raises StartRefused."""
    path = settings.sqlite_path
    if path is not None:
        return _sqlite(path, readonly=False), _sqlite(path, readonly=True)
    url = server_url(settings.backend_store_uri)
    make = _postgresql if url.get_backend_name() == "postgresql" else _mysql
    return make(url, False), make(url, True)


def server_url(uri: str) -> URL:
    """The URL of a database server, with the driver that this server uses, whichever the URI names.

    Raises StartRefused for URIs of anything else and where the driver is missing.
    """
    scheme = uri.partition("://")[0]
    kind = _KINDS.get(scheme.partition("+")[0].lower())
    if kind is None or "://" not in uri:
        raise StartRefused(
            f"Cannot use a '{scheme.partition(':')[0][:40]}' database: give sqlite:///PATH, "
            "postgresql://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE"
        )
    try:
        url = sqlalchemy.make_url(uri)
    except (ArgumentError, ValueError):
        raise StartRefused(
            f"The {kind}:// URI of the store cannot be read: give {kind}://USER:PASSWORD@HOST:PORT/DATABASE, "
            "with %40 for an @ in the password"
        ) from None
    driver = _DRIVERS[kind]
    if find_spec(driver) is None:
        raise StartRefused(
            f"{kind}:// needs the driver {driver}, which is not installed: "
            f"pip install '{_DISTRIBUTIONS[kind]}'"
        )
    return url.set(drivername=f"{kind}+{driver}")


def _sqlite(path: Path, *, readonly: bool) -> Engine:
    engine = sqlalchemy.create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=READERS if readonly else 1,
        max_overflow=0,
        pool_reset_on_return="rollback",
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
        query_cache_size=1000,
        hide_parameters=True,  # a webhook's secret may be among them, and errors are logged
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        # Transactions are begun below, and not behind our back by the driver.
        connection.isolation_level = None
        # SQLite's own folds ASCII only.
        connection.create_function("lower", 1, _lower, deterministic=True)
        pragmas = [
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "case_sensitive_like=ON",
            "temp_store=MEMORY",
            "cache_size=-8000",
            "journal_size_limit=67108864",
        ]
        if readonly:
            pragmas.append("query_only=ON")
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        if not driver.in_transaction:  # else `transactions` has begun it
            driver.execute("BEGIN" if readonly else "BEGIN IMMEDIATE")

    return engine


def _lower(value: str | float | None) -> str | float | None:
    return value.lower() if isinstance(value, str) else value


def limit_time(connection: Connection) -> None:
    """Let SQLite give up a query that takes longer than anybody waits; the others know it from the start."""
    driver: Any = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        until = time.monotonic() + READ_LIMIT_S
        driver.set_progress_handler(lambda: time.monotonic() > until, _DEADLINE_CHECK_EVERY)


def _postgresql(url: URL, readonly: bool) -> Engine:
    isolation = "REPEATABLE READ READ ONLY" if readonly else "READ COMMITTED READ WRITE"
    settings = {
        "lock_timeout": f"{LOCK_LIMIT_S}s",
        "idle_in_transaction_session_timeout": f"{SILENCE_LIMIT_S}s",
        # What is acknowledged is on disk, whatever the database's default.
        "synchronous_commit": "on",
    }
    if readonly:
        settings["statement_timeout"] = f"{READ_LIMIT_S}s"
    arguments = {
        "connect_timeout": CONNECT_LIMIT_S,
        "keepalives_idle": SILENCE_LIMIT_S,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 1000 * SILENCE_LIMIT_S,
        "application_name": "tracking_server",
        "client_encoding": "utf8",
    }
    statements = [f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {isolation}"]
    # The values stand above; nothing of them was given by anybody.
    statements += [f"SET {name} = '{value}'" for name, value in settings.items()]
    engine = _server_engine(
        url,
        readonly=readonly,
        arguments={name: value for name, value in arguments.items() if name not in url.query},
        statements=lambda _connection: statements,
    )
    engine.dialect.statement_compiler = _folding(engine.dialect.statement_compiler)
    return engine


def _folding(compiler: type[Any]) -> type[Any]:
    """A compiler whose ILIKE folds as the database's locale does; that of the columns knows ASCII only."""

    class Compiler(compiler):  # type: ignore[misc]  # the class is SQLAlchemy's for this driver
        def visit_ilike_op_binary(self, binary: Any, operator: Any, **options: Any) -> str:
            return str(super().visit_ilike_op_binary(_in_default_collation(binary), operator, **options))

        def visit_not_ilike_op_binary(self, binary: Any, operator: Any, **options: Any) -> str:
            return str(super().visit_not_ilike_op_binary(_in_default_collation(binary), operator, **options))

    return Compiler


def _in_default_collation(binary: Any) -> Any:
    changed = binary._clone()
    changed.left = sqlalchemy.collate(binary.left, "default")
    return changed


def _mysql(url: URL, readonly: bool) -> Engine:
    def statements(connection: Any) -> list[str]:
        mariadb = "mariadb" in connection.get_server_info().lower()
        told = [
            # The default experiment has the id 0, and a value that does not fit is refused instead of cut.
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION'",
            f"SET NAMES utf8mb4 COLLATE {'utf8mb4_nopad_bin' if mariadb else 'utf8mb4_0900_bin'}",
            f"SET SESSION innodb_lock_wait_timeout = {LOCK_LIMIT_S}",
            # Texts longer than this many bytes would be sorted by their beginnings only.
            "SET SESSION max_sort_length = 32768",
            # Which takes that much of this for each key of an order, and fifteen rows must have room.
            "SET SESSION sort_buffer_size = 8388608",
            # READ COMMITTED: whoever finds a name taken must also see by what.
            f"SET SESSION TRANSACTION ISOLATION LEVEL {'REPEATABLE READ' if readonly else 'READ COMMITTED'}",
        ]
        if readonly:
            told.append("SET SESSION TRANSACTION READ ONLY")
            limit = (
                f"max_statement_time = {READ_LIMIT_S}"
                if mariadb
                else f"max_execution_time = {READ_LIMIT_S}000"
            )
            told.append(f"SET SESSION {limit}")
        return told

    arguments = {
        "connect_timeout": CONNECT_LIMIT_S,
        "read_timeout": SILENCE_LIMIT_S,
        "write_timeout": SILENCE_LIMIT_S,
        "charset": "utf8mb4",
    }
    return _server_engine(
        url,
        readonly=readonly,
        arguments={name: value for name, value in arguments.items() if name not in url.query},
        statements=statements,
    )


def _server_engine(
    url: URL, *, readonly: bool, arguments: dict[str, Any], statements: Callable[[Any], list[str]]
) -> Engine:
    engine = sqlalchemy.create_engine(
        url,
        pool_size=READERS if readonly else 1,
        max_overflow=0,
        # Proxies and servers drop what idles for long.
        pool_recycle=1800,
        connect_args=arguments,
        query_cache_size=1000,
        hide_parameters=True,  # a webhook's secret may be among them, and errors are logged
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        try:
            for statement in statements(connection):
                cursor.execute(statement)
            connection.commit()
        except BaseException:
            connection.close()  # nobody else does
            raise
        finally:
            cursor.close()

    return engine
