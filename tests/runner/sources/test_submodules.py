from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import SourceError
from runner.sources.working_copy import working_copy
from tests.runner.sources.repositories import NASTY, Fetcher, Repository, git


@pytest.fixture
def family(tmp_path: Path) -> tuple[Repository, Repository, Repository]:
    """A repository with a submodule that has a submodule."""
    leaf = Repository.new(tmp_path / "leaf", {"leaf.txt": "leaf"})
    middle = Repository.new(tmp_path / "middle", {"middle.txt": "middle"})
    middle.add_submodule(leaf.url, "deep/leaf")
    top = Repository.new(tmp_path / "top", {"top.txt": "top"})
    top.add_submodule(middle.url, f"libs/{NASTY}")
    return top, middle, leaf


def test_submodules_come_along_nested_ones_too(
    fetcher: Fetcher, family: tuple[Repository, Repository, Repository]
) -> None:
    top, middle, leaf = family

    checkout = fetcher(top.url)

    inner = checkout.directory / "libs" / NASTY
    assert (inner / "middle.txt").read_text() == "middle"
    assert (inner / "deep" / "leaf" / "leaf.txt").read_text() == "leaf"
    assert checkout.provenance.submodule_commits == (
        (f"libs/{NASTY}", middle.head),
        (f"libs/{NASTY}/deep/leaf", leaf.head),
    )
    assert git(checkout.directory, "status", "--porcelain") == ""
    assert git(inner, "config", "remote.origin.url") == middle.url


def test_the_recorded_commit_is_checked_out_not_the_newest(
    fetcher: Fetcher, family: tuple[Repository, Repository, Repository]
) -> None:
    top, middle, _ = family
    recorded = middle.head
    middle.commit({"middle.txt": "newer"})

    checkout = fetcher(top.url)

    assert (checkout.directory / "libs" / NASTY / "middle.txt").read_text() == "middle"
    assert checkout.provenance.submodule_commits[0][1] == recorded


def test_a_submodule_moved_ahead_is_fetched_incrementally(
    fetcher: Fetcher, family: tuple[Repository, Repository, Repository]
) -> None:
    top, middle, _ = family
    fetcher(top.url)
    middle.commit({"middle.txt": "newer"})
    git(top.path / "libs" / NASTY, "pull", "--quiet", environ={"GIT_ALLOW_PROTOCOL": "file"})
    top.commit({})

    checkout = fetcher(top.url)

    assert (checkout.directory / "libs" / NASTY / "middle.txt").read_text() == "newer"
    assert len(fetcher.mirrors()) == 3


def test_a_cached_checkout_remembers_its_submodules_and_needs_no_origin(
    fetcher: Fetcher, family: tuple[Repository, Repository, Repository]
) -> None:
    top, middle, leaf = family
    first = fetcher(top.url)
    for repository in (top, middle, leaf):
        repository.lose_objects()

    again = fetcher(top.url, first.provenance.commit)

    assert again.provenance.submodule_commits == first.provenance.submodule_commits


def test_relative_urls_are_resolved_against_the_origin(fetcher: Fetcher, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "-b", "main", "lib.git")
    lib = Repository.new(tmp_path / "lib", {"lib.txt": "lib"})
    lib.git("push", "--quiet", str(tmp_path / "lib.git"), "main")
    git(tmp_path, "init", "--quiet", "--bare", "-b", "main", "top.git")
    top = Repository.new(tmp_path / "top", {"top.txt": "top"})
    top.git("remote", "add", "origin", f"file://{tmp_path}/top.git")
    top.add_submodule("../lib.git", "lib")
    top.git("push", "--quiet", "origin", "main")

    checkout = fetcher(f"file://{tmp_path}/top.git")

    assert (checkout.directory / "lib" / "lib.txt").read_text() == "lib"


def test_working_copies_have_their_submodules_and_look_clean(
    fetcher: Fetcher, family: tuple[Repository, Repository, Repository], tmp_path: Path
) -> None:
    top, _, _ = family

    copy = working_copy(fetcher(top.url), tmp_path / "work")

    assert (copy.directory / "libs" / NASTY / "deep" / "leaf" / "leaf.txt").read_text() == "leaf"
    assert git(copy.directory, "status", "--porcelain") == ""


def test_a_submodule_whose_commit_is_gone_is_an_error_that_names_it(
    fetcher: Fetcher, family: tuple[Repository, Repository, Repository]
) -> None:
    top, middle, _ = family
    middle.lose_objects()

    with pytest.raises(SourceError, match="middle"):
        fetcher(top.url)

    assert fetcher.leftovers() == []


def test_another_version_of_a_local_repository_takes_submodules_from_it(
    fetcher: Fetcher, family: tuple[Repository, Repository, Repository]
) -> None:
    top, middle, leaf = family
    top.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "--recursive")
    inner = Repository(top.path / "libs" / NASTY)
    inner.commit({"middle.txt": "never pushed"})
    top.commit({})
    middle.lose_objects()
    leaf.lose_objects()

    checkout = fetcher(str(top.path), "HEAD")

    assert (checkout.directory / "libs" / NASTY / "middle.txt").read_text() == "never pushed"
    assert (checkout.directory / "libs" / NASTY / "deep" / "leaf" / "leaf.txt").exists()
