"""Conditions that must not decide which index a database takes."""

from __future__ import annotations

from sqlalchemy import ColumnElement, case


def opaque(test: ColumnElement[bool]) -> ColumnElement[bool]:
    """`test` in words that no database takes for the bound of an index: the index is chosen already."""
    # Not `= 1`: PostgreSQL takes that for so selective that it leaves the index.
    return case((test, 1), else_=0) > 0
