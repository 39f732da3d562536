"""How much room a database takes."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection, text

_QUESTIONS = {
    "postgresql": "SELECT pg_database_size(current_database())",
    "mysql": "SELECT sum(data_length + index_length) FROM information_schema.tables "
    "WHERE table_schema = database()",
    "mariadb": "SELECT sum(data_length + index_length) FROM information_schema.tables "
    "WHERE table_schema = database()",
}


def size_bytes(connection: Connection, sqlite_path: Path | None) -> int:
    """The size of the database on its disk, for SQLite with its log; 0 where the database does not say."""
    if sqlite_path is not None:
        return sum(_file_size(Path(f"{sqlite_path}{suffix}")) for suffix in ("", "-wal"))
    question = _QUESTIONS.get(connection.dialect.name)
    return 0 if question is None else int(connection.execute(text(question)).scalar() or 0)


def _file_size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
