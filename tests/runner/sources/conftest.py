"""Fixtures of the sources' tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.sources.repositories import NASTY, Fetcher, Repository


@pytest.fixture
def fetcher(tmp_path: Path) -> Fetcher:
    """Fetches into a fresh cache whose path would break careless quoting."""
    return Fetcher(cache=tmp_path / f"cache {NASTY}")


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    """A repository with one commit on `main`, at a path that would break careless quoting."""
    return Repository.new(tmp_path / f"origin {NASTY}")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """An empty folder that is the current directory."""
    before = Path.cwd()
    folder = tmp_path / "here"
    folder.mkdir()
    os.chdir(folder)
    yield folder
    os.chdir(before)


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    """Changes that are undone before the guards look."""
    with pytest.MonkeyPatch.context() as patching:
        yield patching
