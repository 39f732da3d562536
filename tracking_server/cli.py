"""The command line of a server: options, spelt as `mlflow server` spells them, become settings."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tracking_server.errors import StartRefused
from tracking_server.settings import (
    ARTIFACT_DEADLINE_S,
    DRAIN_S,
    HEARTBEAT_LOST_S,
    LOCAL_DRAIN_S,
    MAX_CONNECTIONS,
    PATIENCE_S,
    REAP_EVERY_S,
    Settings,
)

EXIT_REFUSED = 2


class _Parser(argparse.ArgumentParser):
    """Refuses in one line, as every other refusal is."""

    def error(self, message: str) -> NoReturn:
        raise StartRefused(f"{message} (--help shows the options)")


def parse(argv: Sequence[str]) -> Settings:
    """The settings of a command line. Raises StartRefused."""
    given = _parser().parse_args(argv)
    local = given.lock_fd is not None
    return Settings(
        backend_store_uri=given.backend_store_uri,
        artifacts_destination=given.artifacts_destination,
        default_artifact_root=given.default_artifact_root,
        serve_artifacts=given.serve_artifacts,
        direct_transfers=given.direct_transfers,
        artifact_deadline_s=given.artifact_deadline_s,
        host=given.host,
        port=given.port,
        insecure_no_auth=given.insecure_no_auth,
        allowed_hosts=_listed(given.allowed_hosts),
        allowed_origins=_origins(given.cors_allowed_origins),
        idle_exit_s=given.idle_exit_s,
        discovery_file=given.discovery_file,
        lock_fd=given.lock_fd,
        reap_every_s=given.reap_every_s,
        heartbeat_lost_s=given.heartbeat_lost_s,
        access_log=given.access_log,
        max_connections=given.max_connections,
        patience_s=given.patience_s,
        webhook_allowed_hosts=_listed(given.webhook_allowed_hosts),
        webhook_ca_file=given.webhook_ca_file,
        drain_s=given.drain_s if given.drain_s is not None else LOCAL_DRAIN_S if local else DRAIN_S,
        token=_token(given.token_file, local=local),
    )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m tracking_server", allow_abbrev=False)
    # A password in it belongs into the environment: everybody on the machine can read arguments.
    store = os.environ.get("MLFLOW_BACKEND_STORE_URI") or "sqlite:///mlruns.db"
    parser.add_argument("--backend-store-uri", default=store)
    parser.add_argument("--artifacts-destination", default="")
    parser.add_argument("--default-artifact-root")
    parser.add_argument("--serve-artifacts", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument(
        "--direct-transfers",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="sign URLs with which clients reach the artifact store themselves",
    )
    parser.add_argument("--artifact-deadline-s", type=float, default=ARTIFACT_DEADLINE_S)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token-file", type=Path, help="admit the token in this file, besides the store's")
    parser.add_argument(
        "--insecure-no-auth", action="store_true", help="admit everybody, whatever tokens there are"
    )
    parser.add_argument("--allowed-hosts", default="", help="names this server is called by, comma-separated")
    parser.add_argument(
        "--cors-allowed-origins", default="", help="sites whose pages may call, comma-separated"
    )
    parser.add_argument("--access-log", help="a line of JSON per request to this file; - is stderr")
    parser.add_argument("--max-connections", type=int, default=MAX_CONNECTIONS)
    parser.add_argument("--patience-s", type=float, default=PATIENCE_S, help="how slow a client may be")
    parser.add_argument("--drain-s", type=float, help="how long requests may take after a SIGTERM")
    parser.add_argument(
        "--webhook-allowed-hosts", default="", help="targets that need not be public: NAME[:PORT],…"
    )
    parser.add_argument("--webhook-ca-file", type=Path, help="certificates to trust, besides the system's")
    parser.add_argument("--idle-exit-s", type=float)
    parser.add_argument("--discovery-file", type=Path)
    parser.add_argument("--lock-fd", type=int)
    parser.add_argument("--reap-every-s", type=float, default=REAP_EVERY_S)
    parser.add_argument("--heartbeat-lost-s", type=float, default=HEARTBEAT_LOST_S)
    return parser


def _listed(option: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in option.split(",") if part.strip())


def _origins(option: str) -> tuple[str, ...]:
    origins = _listed(option)
    for origin in origins:
        scheme, separator, rest = origin.partition("://")
        if not separator or scheme not in ("http", "https") or "*" in rest or "/" in rest.rstrip("/"):
            raise StartRefused(
                f"--cors-allowed-origins {origin[:200]} names no site: give each one as https://ml.example"
            )
    return origins


def _token(file: Path | None, *, local: bool) -> str | None:
    if file is not None:
        try:
            token = file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise StartRefused(f"Cannot read --token-file {file}: {error}") from error
        if not token:
            raise StartRefused(f"--token-file {file} is empty")
        return token
    # A local server makes its own: the token around it may belong to another server.
    return None if local else os.environ.get("MLFLOW_TRACKING_TOKEN") or None


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m tracking_server`; the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    try:
        settings = parse(sys.argv[1:] if argv is None else argv)
        from tracking_server.serving import serve

        return serve(settings)
    except StartRefused as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return EXIT_REFUSED
