"""A user's machine: a directory of their own, the real command, the real server that starts by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.relay import Relay, relay_to
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


@pytest.fixture
def relay(user: User, tmp_path: Path) -> Iterator[Relay]:
    """A relay to a server elsewhere, to which all runs of the user are tracked."""
    from tests.e2e.test_death import address_of, serve

    store = tmp_path / "remote"
    store.mkdir()
    server = serve(user, store)
    try:
        with relay_to(address_of(store)[0]) as between:
            user.environ["MLFLOW_TRACKING_URI"] = between.url
            yield between
    finally:
        server.terminate()
        server.wait(15)
