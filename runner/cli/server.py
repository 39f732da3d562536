"""`runner server`: serves a tracking store for good, with MLflow's option names."""

from __future__ import annotations

from pathlib import Path

import click


@click.group(invoke_without_command=True)
@click.option(
    "--backend-store-uri",
    default=None,
    metavar="URI",
    help="Database of the store. [default: sqlite:///mlruns.db of this directory]",
)
@click.option(
    "--default-artifact-root",
    default=None,
    metavar="URI",
    help="Clients write artifacts here themselves, instead of through the server.",
)
@click.option(
    "--artifacts-destination",
    default=None,
    metavar="DIR",
    help="The server writes artifacts here. [default: mlartifacts beside the database]",
)
@click.option(
    "--serve-artifacts/--no-serve-artifacts",
    default=True,
    show_default=True,
    help="Take artifacts through the server.",
)
@click.option(
    "-h",
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; the default is reachable from this machine only.",
)
@click.option(
    "-p",
    "--port",
    default=5000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE",
    help="Demand the token in this file of every client.",
)
@click.pass_context
def server(
    context: click.Context,
    backend_store_uri: str | None,
    default_artifact_root: str | None,
    artifacts_destination: str | None,
    serve_artifacts: bool,
    host: str,
    port: int,
    token_file: Path | None,
) -> int:
    """Serve a tracking store until it is stopped."""
    if context.invoked_subcommand is not None:
        return 0
    from runner.assemble import default_tracking_uri, working_directory
    from tracking_server.cli import main

    argv = ["--backend-store-uri", backend_store_uri or default_tracking_uri(working_directory())]
    argv += ["--host", host, "--port", str(port)]
    argv += ["--serve-artifacts" if serve_artifacts else "--no-serve-artifacts"]
    if default_artifact_root is not None:
        argv += ["--default-artifact-root", default_artifact_root]
    if artifacts_destination is not None:
        argv += ["--artifacts-destination", artifacts_destination]
    if token_file is not None:
        argv += ["--token-file", str(token_file)]
    return main(argv)
