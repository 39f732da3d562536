"""git's own protocol through a stand-in for ssh that runs the far end on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.errors import CloneFailed
from tests.runner.sources.repositories import Fetcher, Repository


@pytest.fixture
def calls(tmp_path: Path, patch: pytest.MonkeyPatch) -> Path:
    """A file that receives the arguments of each call of `ssh`."""
    log = tmp_path / "calls"
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("ssh", "other-ssh"):
        (folder / name).write_text(
            f'#!/bin/bash\necho "{name} $*" >> "{log}"\n'
            '[ "$1" = -G ] && exit 0\n'
            'case "$*" in *stranger*) echo "Host key verification failed." >&2; exit 255;; esac\n'
            'eval "${@: -1}"\n'
        )
        (folder / name).chmod(0o755)
    patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return log


@pytest.fixture
def plain(tmp_path: Path) -> Repository:
    return Repository.new(tmp_path / "plain")


@pytest.mark.parametrize(
    "form", ["ssh://git@host.invalid{}", "git@host.invalid:{}", "ssh://git:secret@host.invalid{}"]
)
def test_ssh_never_asks(fetcher: Fetcher, plain: Repository, calls: Path, form: str) -> None:
    checkout = fetcher(form.format(plain.path))

    assert checkout.provenance.commit == plain.head
    assert checkout.provenance.repository_url == form.format(plain.path).replace(":secret", "")
    used = [line for line in calls.read_text().splitlines() if "upload-pack" in line]
    assert used
    assert all("-o BatchMode=yes" in line and "secret" not in line for line in used)


def test_the_users_choice_of_ssh_is_kept(
    fetcher: Fetcher, plain: Repository, calls: Path, tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[core]\n\tsshCommand = other-ssh -o Mine=yes\n")
    patch.setenv("GIT_CONFIG_GLOBAL", str(config))
    fetcher(f"git@host.invalid:{plain.path}")
    assert all(line.startswith("other-ssh") for line in calls.read_text().splitlines())

    calls.unlink()
    patch.setenv("GIT_SSH_COMMAND", "ssh -o Mine=yes")
    fetcher(f"git@host.invalid:{plain.path}")
    assert all(line.startswith("ssh") and "BatchMode" not in line for line in calls.read_text().splitlines())


def test_an_unknown_host_is_explained(fetcher: Fetcher, calls: Path) -> None:
    with pytest.raises(CloneFailed) as caught:
        fetcher("git@stranger.invalid:team/project.git")

    assert "git@stranger.invalid:team/project.git" in str(caught.value)
    assert "known_hosts" in (caught.value.hint or "")
