"""Servers that other machines reach, and the commands that say who may use them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tracking_server.serving import _is_loopback

REPOSITORY = Path(__file__).resolve().parents[2]
URL = "/api/2.0/mlflow/experiments/get?experiment_id=0"
EVERYWHERE = "--host=0.0.0.0"  # the wish itself is what is tested; nobody but the test knows the port
SHOWN = re.compile(r"runner_[\w-]{43}")


@pytest.fixture
def token(settings: Any, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `runner server token`."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "runner", "server", "token", *words]
        return subprocess.run(
            [*command, "--backend-store-uri", settings.backend_store_uri],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )

    return run


def status(server: Any, token: str | None = None) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = f"http://127.0.0.1:{server.address[1]}{URL}"
    return httpx2.get(url, headers=headers, trust_env=False, timeout=10).status_code


@pytest.mark.parametrize(
    ("address", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_what_is_reached_from_elsewhere(address: str, is_loopback: bool) -> None:
    assert _is_loopback(address) == is_loopback


def test_a_server_that_others_reach_makes_a_token_and_shows_it_once(start_server: Any, settings: Any) -> None:
    server = start_server(EVERYWHERE)
    shown = SHOWN.findall(server.log.read_text())

    assert len(shown) == 1
    assert status(server) == 401
    assert status(server, shown[0]) == 200
    assert status(server, server.discovery["token"]) == 200  # whoever may read the store's files
    stored = b"".join(path.read_bytes() for path in settings.sqlite_path.parent.iterdir())
    assert shown[0].encode() not in stored
    server.stop()

    again = start_server(EVERYWHERE)
    assert SHOWN.findall(again.log.read_text()) == []
    assert status(again) == 401
    assert status(again, shown[0]) == 200


def test_a_token_that_was_given_needs_no_other(start_server: Any, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("given\n")
    server = start_server(EVERYWHERE, f"--token-file={file}")

    assert SHOWN.findall(server.log.read_text()) == []
    assert (status(server), status(server, "given")) == (401, 200)


def test_an_open_server_says_so_loudly(start_server: Any) -> None:
    server = start_server(EVERYWHERE, "--insecure-no-auth")

    assert status(server) == 200
    assert "WARNING: --insecure-no-auth" in server.log.read_text()


def test_a_server_of_this_machine_alone_demands_nothing_and_makes_nothing(
    start_server: Any, token: Any
) -> None:
    server = start_server()

    assert status(server) == 200
    assert json.loads(token("list", "--json").stdout) == []


def test_tokens_are_made_listed_and_revoked_while_servers_run(
    start_server: Any, token: Any, wait_for: Any
) -> None:
    server = start_server(EVERYWHERE)
    made = token("create", "ci", "--read-only")
    secret = made.stdout.strip()

    assert made.returncode == 0
    assert SHOWN.fullmatch(secret)
    assert secret not in made.stderr
    wait_for(lambda: status(server, secret) == 200, timeout_s=5)
    listed = json.loads(token("list", "--json").stdout)
    assert [(row["name"], row["read_only"]) for row in listed] == [("ci", True), ("first", False)]
    assert secret not in token("list").stdout

    assert token("revoke", "ci").returncode == 0
    wait_for(lambda: status(server, secret) == 401, timeout_s=5)
    assert secret not in server.log.read_text()


def test_what_is_wrong_with_a_token_is_told_in_one_line(start_server: Any, token: Any) -> None:
    missing = token("list")
    assert missing.returncode == 2
    assert "There is no store" in missing.stderr
    start_server()
    token("create", "ci")

    for words, message in (
        (("create", "ci"), "already"),
        (("create", "a b"), "cannot name a token"),
        (("revoke", "nobody"), "(tokens: ci)"),
    ):
        refused = token(*words)
        assert refused.returncode == 2
        assert refused.stderr.startswith("error: ")
        assert message in refused.stderr
        assert refused.stdout == ""


def test_looking_for_tokens_makes_no_store(token: Any, settings: Any) -> None:
    token("create", "ci")

    assert not settings.sqlite_path.exists()


def test_the_command_passes_everything_on(settings: Any, tmp_path: Path) -> None:
    def refused(*words: str) -> str:
        command = [sys.executable, "-m", "runner", "server", *words]
        environ = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False, env=environ
        )
        assert done.returncode == 2, done
        return done.stderr

    assert "names no site" in refused("--cors-allowed-origins", "*")
    assert "Cannot write --access-log" in refused("--port=0", "--access-log", "/nonexistent/x")
    assert "another store" in refused("--registry-store-uri", "sqlite:///other.db")
    assert "one server is one process" in refused("--workers=4")
    assert "no address" in refused("--host", "no.such.host.invalid")
