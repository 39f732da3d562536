"""The how-to pages do what they say: their files are written and their commands executed, in order.

Blocks marked `console` need machines that are not here (a database, a bucket, other people): of their commands
only the names and options are checked.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from runner.cli.main import cli
from tests.e2e.terminal import ROOT, User
from tests.tracking_client.servers import stop_server
from tracking_client.journal_folder import journal_folder
from tracking_client.tracking_uri import LocalStore

PAGES = sorted((ROOT / "docs/how-to").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [pytest.param(page, id=page.stem) for page in PAGES])
def test_the_commands_of_the_page_work(user: User, page: Path, tmp_path: Path) -> None:
    shims = tmp_path / "bin"
    shims.mkdir()
    for name, module in (("runner", "-m runner"), ("python", "")):
        shim = shims / name
        shim.write_text(f'#!/bin/sh\nexec {sys.executable} {module} "$@"\n')
        shim.chmod(0o755)
    commands = 0
    for language, file, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if file:
            (user.directory / file).write_text(text, encoding="utf-8")
        elif language == "sh":
            commands += 1
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", text],
                cwd=user.directory,
                env={**user.variables(), "PATH": f"{shims}:{user.variables()['PATH']}"},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        elif language == "console":
            commands += 1
            for line in text.splitlines():
                assert_the_command_exists(line)
    assert commands > 0
    try:
        assert all(run.info.status == "FINISHED" for run in user.runs())
    finally:
        for place in (user.directory, journal_folder()):
            for discovery in place.rglob("*.db.server"):
                stop_server(LocalStore.of_database(discovery.with_suffix("")))


def assert_the_command_exists(line: str) -> None:
    words = [word for word in shlex.split(line) if "=" not in word or word.startswith("-")]
    if words[0] != "runner":
        assert words[:2] == ["pip", "install"], line
        return
    command: click.Command = cli
    words.pop(0)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, line
        command = found
    assert {word for word in words if word.startswith("--")} <= {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }, line
