"""The options that say which store a command is about, alike for all that serve, clean or change one."""

from __future__ import annotations

import click

backend_store_uri = click.option(
    "--backend-store-uri",
    envvar="MLFLOW_BACKEND_STORE_URI",
    default=None,
    metavar="URI",
    help="Database of the store. [default: sqlite:///mlruns.db of this directory]",
)


def store_uri(given: str | None) -> str:
    """The store that was named, else that of the current directory."""
    from runner.assemble import default_tracking_uri, working_directory

    return given or default_tracking_uri(working_directory())
