"""`runner server`: serves a tracking store for good, with MLflow's option names."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from runner.cli import store_options

COMMANDS = {"token": "runner.cli.server_token:token", "gc": "runner.cli.server_gc:gc"}


class _Commands(click.Group):
    """The commands on a store, each imported only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, with those that were added by decorator."""
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Commands, invoke_without_command=True)
@store_options.backend_store_uri
@click.option(
    "--default-artifact-root",
    default=None,
    metavar="URI",
    help="Clients write artifacts here themselves, instead of through the server.",
)
@click.option(
    "--artifacts-destination",
    default=None,
    metavar="URI",
    help="The server writes artifacts here: a directory, s3://, gs://, wasbs:// or abfss://. "
    "[default: mlartifacts beside the database]",
)
@click.option(
    "--serve-artifacts/--no-serve-artifacts",
    default=True,
    show_default=True,
    help="Take artifacts through the server.",
)
@click.option(
    "--direct-transfers/--no-direct-transfers",
    default=True,
    show_default=True,
    help="Sign URLs with which clients reach the artifact store themselves.",
)
@click.option(
    "--artifact-deadline-s",
    type=click.FloatRange(min=0, min_open=True),
    default=None,
    metavar="SECONDS",
    help="How long one request to an artifact store elsewhere may take. [default: 60]",
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
    help="Admit the token in this file, besides those of `runner server token`.",
)
@click.option(
    "--insecure-no-auth",
    is_flag=True,
    help="Admit everybody, also from other machines. Without it, they need a token.",
)
@click.option(
    "--allowed-hosts",
    default=None,
    metavar="NAME,NAME",
    help="Names this server is called by, such as ml.example or *.corp.example.",
)
@click.option(
    "--cors-allowed-origins",
    default=None,
    metavar="URL,URL",
    help="Sites whose pages may call this server, such as https://notebooks.example.",
)
@click.option(
    "--access-log",
    default=None,
    metavar="FILE",
    help="Write a line of JSON per request to this file; - is stderr.",
)
@click.option(
    "--max-connections",
    default=None,
    type=click.IntRange(min=10),
    help="How many clients may be connected at once. [default: 1000]",
)
@click.option(
    "--patience-s",
    default=None,
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="How long a client may send or take next to nothing. [default: 30]",
)
@click.option(
    "--drain-s",
    default=None,
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long requests that are being answered may take after a SIGTERM. [default: 25]",
)
@click.option(
    "--webhook-allowed-hosts",
    default=None,
    metavar="NAME[:PORT],…",
    help="Webhooks may also go to these, which need not be public; without a port, to 443.",
)
@click.option(
    "--webhook-ca-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE",
    help="Certificates that webhooks' targets may have, besides those the system trusts.",
)
@click.option(
    "--registry-store-uri",
    default=None,
    metavar="URI",
    help="As MLflow has it; must be the backend store, which holds registered models too.",
)
@click.option(
    "-w",
    "--workers",
    default=1,
    type=click.IntRange(min=1),
    help="As MLflow has it; must be 1, which is quicker than MLflow's four.",
)
@click.option(
    "--expose-prometheus",
    default=None,
    metavar="DIR",
    help="As MLflow has it, and not needed: /metrics is always served.",
)
@click.pass_context
def server(context: click.Context, /, **options: Any) -> int:
    """Serve a tracking store until it is stopped."""
    if context.invoked_subcommand is not None:
        return 0
    from tracking_server.cli import main

    return main(_argv(options))


def _argv(options: dict[str, Any]) -> list[str]:
    """The server's own command line."""
    from runner.errors import RequestError

    uri = store_options.store_uri(options["backend_store_uri"])
    if options["registry_store_uri"] not in (None, uri):
        raise RequestError(
            "--registry-store-uri is another store than --backend-store-uri",
            hint="leave it out: registered models are kept in the backend store",
        )
    if options["workers"] != 1:
        raise RequestError(
            f"--workers {options['workers']}: one server is one process",
            hint="start several servers on one PostgreSQL or MySQL, each with its own --port, behind a proxy",
        )
    argv = ["--backend-store-uri", uri, "--host", options["host"], "--port", str(options["port"])]
    argv += ["--serve-artifacts" if options["serve_artifacts"] else "--no-serve-artifacts"]
    if not options["direct_transfers"]:
        argv += ["--no-direct-transfers"]
    if options["insecure_no_auth"]:
        argv += ["--insecure-no-auth"]
    for name in _PASSED_ON:
        if options[name] is not None:
            argv += [f"--{name.replace('_', '-')}={options[name]}"]
    return argv


_PASSED_ON = (
    "default_artifact_root",
    "artifacts_destination",
    "artifact_deadline_s",
    "token_file",
    "allowed_hosts",
    "cors_allowed_origins",
    "access_log",
    "max_connections",
    "patience_s",
    "drain_s",
    "webhook_allowed_hosts",
    "webhook_ca_file",
)
