"""What every table shares: names of constraints, the type of ids, and texts that mean the same everywhere.

Names are compared byte by byte on every database, whatever its default collation: "A" is not "a", "e" is not
"é", "a" is not "a ". The hooks below say so in the DDL of each database, migrations included, so that no
table has to.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Computed, Integer, MetaData, String, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateTable

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives out row ids by itself only for columns declared exactly INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")
"""A small integer id inside the store."""


class _Digest(String):
    """A text that is ASCII on MySQL, whose keys end at 3072 bytes, four of them for any other character."""

    cache_ok = True


Digest = _Digest(36)
"""The digest of a dataset."""


@compiles(_Digest, "mysql", "mariadb")
def _mysql_digest(element: String, compiler: Any, **options: Any) -> str:
    return f"{compiler.visit_string(element, **options)} CHARACTER SET ascii COLLATE ascii_bin"


@compiles(CreateTable, "mysql", "mariadb")
def _mysql_table(element: CreateTable, compiler: Any, **options: Any) -> str:
    # The only byte-wise collations that do not pad with blanks, so that "a" and "a " are two names.
    collation = "utf8mb4_nopad_bin" if compiler.dialect.is_mariadb else "utf8mb4_0900_bin"
    statement: str = compiler.visit_create_table(element, **options).rstrip()
    # DDL cannot be rolled back here: a creation that was cut is gone on with.
    statement = statement.replace("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", 1)
    return f"{statement} ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE={collation}"


@compiles(Text, "mysql", "mariadb")
def _mysql_text(_element: Text, _compiler: Any, **_options: Any) -> str:
    return "LONGTEXT"  # TEXT ends at 65,535 bytes, in the middle of a dataset's schema


@compiles(_Digest, "postgresql")
@compiles(String, "postgresql")
def _postgresql_string(element: String, compiler: Any, **options: Any) -> str:
    return str(compiler.visit_string(element, **options)) + _collation(options)


@compiles(Text, "postgresql")
def _postgresql_text(element: Text, compiler: Any, **options: Any) -> str:
    return str(compiler.visit_text(element, **options)) + _collation(options)


@compiles(Computed, "postgresql")
def _postgresql_computed(element: Computed, compiler: Any, **_options: Any) -> str:
    # As SQLAlchemy would, but for its warning: VIRTUAL came with version 18 and cannot be indexed there.
    expression = compiler.sql_compiler.process(element.sqltext, include_table=False, literal_binds=True)
    return f"GENERATED ALWAYS AS ({expression}) STORED"


def _collation(options: dict[str, Any]) -> str:
    """Of a column in DDL; casts use the same types and must stay bare."""
    # Also spares the indexes: a new glibc reorders every other collation, and they would be corrupt.
    return ' COLLATE "C"' if isinstance(options.get("type_expression"), Column) else ""
