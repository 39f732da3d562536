"""`runner settings`: every setting, its value and where it comes from."""

from __future__ import annotations

import json
import os

import click

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
    for setting, value, origin in rows:
        click.echo(f"{setting.name:<28} {_text(value) or '-':<40} {origin}")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
