"""A user's machine: a directory of their own, the real command, the real server that starts by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.terminal import User, git


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    directory = tmp_path / "a'; echo \"b $c"
    directory.mkdir()
    person = User(directory=directory)
    yield person
    person.stop_server()


@pytest.fixture
def repository_of(user: User) -> Callable[[dict[str, str]], Path]:
    def make(files: dict[str, str]) -> Path:
        folder = user.project(files, name="repository")
        git(folder, "init", "-q", "-b", "main")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "first")
        return folder

    return make
