"""`runner settings`: every setting, its value and where it comes from."""

from __future__ import annotations

import json
import os

import click

from runner.cli.wording import size
from runner.printable import printable
from runner.settings import SETTINGS, read_settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def settings(as_json: bool) -> None:
    """Show every setting, its value and where it comes from."""
    current = read_settings(os.environ)
    rows = [(setting, getattr(current, setting.name), current.origins[setting.name]) for setting in SETTINGS]
    if as_json:
        table = {
            setting.name: {
                "value": value if isinstance(value, (int, float)) else _text(value),
                "origin": origin,
            }
            for setting, value, origin in rows
        }
        click.echo(json.dumps(table, indent=2))
        return
    lines = [(setting.name, _for_people(setting.name, value), origin) for setting, value, origin in rows]
    widths = [max(len(row[column]) for row in lines) for column in (0, 1)]
    for name, shown, origin in lines:
        click.echo(f"{name:<{widths[0]}}  {shown:<{widths[1]}}  {printable(origin)}")


def _for_people(name: str, value: object) -> str:
    if isinstance(value, float) and name.endswith("_s"):
        return f"{value:g} s"
    if isinstance(value, int) and name.endswith("_bytes"):
        return f"{value} B ({size(value)})" if value >= 1000 else f"{value} B"
    return printable(_text(value) or "-")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
