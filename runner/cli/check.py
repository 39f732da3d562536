"""`runner check`: every problem of a project's files at once."""

from __future__ import annotations

import json
import os

import click

from runner.cli.console import Console
from runner.cli.wording import count
from runner.manifest.check import check as problems_of
from runner.manifest.problem import Problem
from runner.printable import printable
from runner.settings import read_settings
from runner.sources.fetch import fetch
from runner.sources.reference import parse

WRONG = 2


@click.command()
@click.argument("uri", default=".")
@click.option("-v", "--version", "version", metavar="REVISION", help="Check that version of a git project.")
@click.option("--env-manager", metavar="NAME", help="Check as if this environment manager were chosen.")
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of MLproject files, and do nothing else.")
def check(uri: str, version: str | None, env_manager: str | None, as_json: bool, schema: bool) -> int:
    """Print every problem of the project at URI (default: here) at once; start nothing."""
    if schema:
        from runner.manifest.schema import text

        click.echo(text(), nl=False)
        return 0
    settings = read_settings(os.environ)
    checkout = fetch(parse(uri, version), settings=settings, listener=Console(quiet=True))
    problems = problems_of(checkout.directory, env_manager=env_manager or settings.env_manager)
    if as_json:
        click.echo(json.dumps([_as_json(problem) for problem in problems], indent=2))
    else:
        _print(problems)
    return WRONG if any(problem.severity == "error" for problem in problems) else 0


def _as_json(problem: Problem) -> dict[str, object]:
    return {
        "severity": problem.severity,
        "path": str(problem.path),
        "line": problem.line,
        "key": problem.key,
        "message": problem.message,
        "suggestion": problem.suggestion,
    }


def _print(problems: list[Problem]) -> None:
    for problem in problems:
        where = str(problem.path) if problem.line is None else f"{problem.path}:{problem.line}"
        colour = "red" if problem.severity == "error" else "yellow"
        severity = click.style(problem.severity, fg=colour)
        click.echo(f"{printable(where)}: {severity}: {printable(problem.message)}")
        if problem.suggestion:
            click.echo(f"  {click.style('→', fg='cyan')} {printable(problem.suggestion)}")
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    if not problems:
        click.echo("no problems found", err=True)
    else:
        click.echo(f"{count(errors, 'error')}, {count(warnings, 'warning')}", err=True)
