"""What `runner run --dry-run` prints: the whole order, as JSON or for people."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click

from runner.cli.wording import word
from runner.model.run import RunSpec
from runner.printable import on_one_line
from runner.recording.record import describe

_INDENT = "  "


def show(spec: RunSpec, *, as_json: bool) -> None:
    """Prints the order to stdout."""
    description = describe(spec)
    if as_json:
        click.echo(json.dumps(description, indent=2))
        return
    for title, rows in _sections(description):
        click.echo(click.style(title, fg="cyan"))
        width = max(len(name) for name, _ in rows)
        for name, text in rows:
            click.echo(f"{_INDENT}{on_one_line(name):<{width}}  {text}".rstrip())


def _sections(description: Mapping[str, object]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Titles with their rows; what has no value is left out."""
    general: list[tuple[str, str]] = []
    sections: list[tuple[str, list[tuple[str, str]]]] = [("run", general)]
    for key, value in description.items():
        if isinstance(value, Mapping):
            sections.append((key.replace("_", " "), _rows(value)))
        else:
            general += _rows({key: value})
    return [(title, rows) for title, rows in sections if rows]


def _rows(values: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows += _rows(value, f"{prefix}{key}.")
        elif isinstance(value, (list, tuple)):
            rows += [(f"{prefix}{key}[{index}]", word(item)) for index, item in enumerate(value)]
        elif value is not None:
            rows.append((f"{prefix}{key}", word(value)))
    return rows
