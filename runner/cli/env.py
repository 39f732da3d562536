"""`runner env`: the cached environments."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import click

from runner.cli.wording import age, count, size
from runner.environments.ensure import environments_root
from runner.environments.inventory import CachedEnvironment, list_environments
from runner.environments.inventory import prune as prune_environments
from runner.settings import read_settings

_DAY_S = 24 * 3600.0
_ROW = "{:<12}  {:<10}  {:<8}  {:>7}  {:<10}  {:<10}  {}"


@click.group()
def env() -> None:
    """List and remove cached environments."""


@env.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List the cached environments, the most recently used first."""
    found = list_environments(_root())
    if as_json:
        click.echo(json.dumps([_as_json(environment) for environment in found], indent=2))
        return
    if not found:
        click.echo("no environments yet: `runner run` builds one when a project needs it", err=True)
        return
    click.echo(_ROW.format("FINGERPRINT", "KIND", "PYTHON", "SIZE", "MADE", "USED", "REQUIREMENTS"))
    now = time.time()
    for environment in found:
        click.echo(
            _ROW.format(
                environment.fingerprint[:12],
                environment.kind or "-",
                environment.python or "-",
                size(environment.size_bytes),
                _ago(environment.created_at, now),
                "now" if environment.in_use else _ago(environment.last_used_at, now),
                _shortened(_contents(environment)),
            )
        )


@env.command()
@click.option(
    "--older-than",
    "older_than_days",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    metavar="DAYS",
    help="Remove what was not used for so many days.",
)
@click.option("--all", "everything", is_flag=True, help="Remove all that is not in use.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def prune(older_than_days: float, everything: bool, dry_run: bool, as_json: bool) -> None:
    """Remove environments that nobody uses any more, and leftovers of builds."""
    pruned = prune_environments(
        _root(), older_than_s=older_than_days * _DAY_S, everything=everything, dry_run=dry_run
    )
    if as_json:
        click.echo(
            json.dumps(
                {
                    "removed": [_as_json(environment) for environment in pruned.removed],
                    "kept": [
                        {**_as_json(environment), "reason": reason} for environment, reason in pruned.kept
                    ],
                    "leftovers": [str(path) for path in pruned.leftovers],
                    "freed_bytes": pruned.freed_bytes,
                    "dry_run": dry_run,
                },
                indent=2,
            )
        )
        return
    verb = "would remove" if dry_run else "removed"
    for environment in pruned.removed:
        click.echo(f"{verb} {environment.fingerprint[:12]}  {size(environment.size_bytes):>7}")
    for path in pruned.leftovers:
        click.echo(f"{verb} {path}")
    for environment, reason in pruned.kept:
        click.echo(f"kept {environment.fingerprint[:12]}: {reason}")
    leftovers = f" and {count(len(pruned.leftovers), 'leftover')}" if pruned.leftovers else ""
    environments = count(len(pruned.removed), "environment")
    click.echo(f"{verb} {environments}{leftovers}, {size(pruned.freed_bytes)}", err=True)


def _root() -> Path:
    return environments_root(read_settings(os.environ).cache_dir)


def _ago(then: float | None, now: float) -> str:
    return "-" if then is None else age(now - then)


def _contents(environment: CachedEnvironment) -> str:
    if not environment.ready:
        return "(leftover of a build)"
    return ", ".join(environment.requirements.split("\n")) or "(nothing)"


def _shortened(text: str, width: int = 60) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _as_json(environment: CachedEnvironment) -> dict[str, object]:
    return {
        "fingerprint": environment.fingerprint,
        "platform": environment.platform,
        "kind": environment.kind,
        "python": environment.python,
        "requirements": environment.requirements,
        "size_bytes": environment.size_bytes,
        "created_at": environment.created_at,
        "last_used_at": environment.last_used_at,
        "ready": environment.ready,
        "in_use": environment.in_use,
        "directory": str(environment.directory),
    }
