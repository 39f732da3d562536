"""`runner server token`: who may use a tracking server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

import click

from runner.cli import store_options
from runner.errors import RequestError

_ROW = "{:<24}  {:<10}  {}"


@click.group()
def token() -> None:
    """Make, list and revoke the tokens of a store. Running servers notice within seconds."""


@token.command()
@click.argument("name")
@click.option("--read-only", is_flag=True, help="The token may look at everything and change nothing.")
@store_options.backend_store_uri
def create(name: str, read_only: bool, backend_store_uri: str | None) -> int:
    """Make a token and print it: it is stored as a digest only, and never shown again."""
    from tracking_server import access

    with _errors_as_ours():
        made = access.create(store_options.store_uri(backend_store_uri), name, may_write=not read_only)
    click.echo(made)
    click.echo("keep it: it is not shown again; clients send it as MLFLOW_TRACKING_TOKEN", err=True)
    return 0


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_options.backend_store_uri
def list_(as_json: bool, backend_store_uri: str | None) -> int:
    """List the tokens by name, and what they may."""
    from tracking_server import access

    with _errors_as_ours():
        found = access.every(store_options.store_uri(backend_store_uri))
    if as_json:
        rows = [
            {"name": each.name, "read_only": not each.may_write, "created_at_ms": each.created_at_ms}
            for each in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return 0
    if not found:
        click.echo("no tokens: `runner server token create NAME` makes one", err=True)
        return 0
    click.echo(_ROW.format("NAME", "MAY", "MADE"))
    for each in found:
        made = datetime.fromtimestamp(each.created_at_ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        click.echo(_ROW.format(each.name, "write" if each.may_write else "read", made))
    return 0


@token.command()
@click.argument("name")
@store_options.backend_store_uri
def revoke(name: str, backend_store_uri: str | None) -> int:
    """Make a token worthless, on every server of the store."""
    from tracking_server import access

    with _errors_as_ours():
        access.revoke(store_options.store_uri(backend_store_uri), name)
    click.echo(f"revoked {name}; servers refuse it within seconds", err=True)
    return 0


@contextmanager
def _errors_as_ours() -> Iterator[None]:
    from tracking_server.errors import ServerError, StartRefused

    try:
        yield
    except (ServerError, StartRefused) as error:
        raise RequestError(str(error)) from error
