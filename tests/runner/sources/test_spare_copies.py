from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.errors import SourceError
from runner.model.source import Checkout, Provenance
from runner.sources import spare_copies
from runner.sources.spare_copies import MOST_SPARES, SpareCopies
from runner.sources.working_copy import working_copies, working_copy
from tests.runner.sources.repositories import tree

Work = Callable[[], None]


@pytest.fixture
def shared(tmp_path: Path) -> Checkout:
    """Sources that several runs share."""
    root = tmp_path / "shared"
    (root / "src" / "data").mkdir(parents=True)
    (root / "src" / "train.py").write_text("print(1)\n")
    (root / "src" / "data" / "link").symlink_to("../train.py")
    provenance = Provenance(source_name="here", repository_root=root)
    return Checkout(directory=root / "src", provenance=provenance, shared_root=root)


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    return working_copies(tmp_path / "state")


def staged(copies: Path) -> list[Path]:
    return [path for path in copies.iterdir() if path.name.startswith(".")] if copies.exists() else []


def do(work: Work) -> None:
    work()


def test_a_spare_is_what_a_copy_would_have_been_and_the_next_one_is_made(
    shared: Checkout, copies: Path, tmp_path: Path
) -> None:
    reference = working_copy(shared, tmp_path / "reference")

    with SpareCopies(copies, do) as spares:
        own = [spares.working_copy(shared, copies / name) for name in ("first", "second", "third")]
        assert len(staged(copies)) == 1

    assert [copy.directory for copy in own] == [copies / n / "src" for n in ("first", "second", "third")]
    assert all(tree(copy.directory) == tree(reference.directory) for copy in own)
    assert [copy.provenance.repository_root for copy in own] == [
        copies / n for n in ("first", "second", "third")
    ]
    assert {copy.shared_root for copy in own} == {None}
    assert sorted(path.name for path in copies.iterdir()) == ["first", "second", "third"]


def test_a_run_takes_the_spare_itself_and_may_write_there(shared: Checkout, copies: Path) -> None:
    with SpareCopies(copies, do) as spares:
        spares.working_copy(shared, copies / "first")
        (spare,) = staged(copies)
        made = (spare / "tree" / "src" / "train.py").stat().st_ino
        own = spares.working_copy(shared, copies / "second").directory / "train.py"

        assert own.stat().st_ino == made
        own.write_text("changed")
        assert (shared.directory / "train.py").read_text() == "print(1)\n"


def test_there_are_a_few_of_them_and_none_of_a_large_tree(
    shared: Checkout, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later: list[Work] = []
    with SpareCopies(copies, later.append) as spares:
        for number in range(2 * MOST_SPARES):
            spares.working_copy(shared, copies / str(number))
        assert staged(copies) == []
        for work in later:
            work()
        assert len(staged(copies)) == MOST_SPARES

    monkeypatch.setattr(spare_copies, "LARGEST_TREE_BYTES", 5)
    with SpareCopies(copies, do) as spares:
        spares.working_copy(shared, copies / "large")
        assert staged(copies) == []


def test_what_is_made_after_the_end_does_not_stay(shared: Checkout, copies: Path) -> None:
    later: list[Work] = []
    with SpareCopies(copies, later.append) as spares:
        spares.working_copy(shared, copies / "run")
    later.pop()()

    assert [path.name for path in copies.iterdir()] == ["run"]


def test_a_spare_that_was_removed_or_is_old_is_not_used(
    shared: Checkout, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SpareCopies(copies, do) as spares:
        spares.working_copy(shared, copies / "first")
        (spare,) = staged(copies)
        (spare / "tree").rename(spare / "elsewhere")
        assert tree(spares.working_copy(shared, copies / "second").directory) == tree(shared.directory)

        (spare,) = staged(copies)
        (spare / "tree" / "src" / "train.py").write_text("removed in part")
        monkeypatch.setattr(spare_copies, "_USED_WITHIN_S", 0.0)
        assert tree(spares.working_copy(shared, copies / "third").directory) == tree(shared.directory)


def test_faults_are_those_of_a_copy_and_the_users_own_directory_is_not_copied(
    shared: Checkout, copies: Path, tmp_path: Path
) -> None:
    own = Checkout(directory=tmp_path, provenance=shared.provenance, shared_root=None)
    with SpareCopies(copies, do) as spares:
        assert spares.working_copy(own, copies / "own") is own
        spares.working_copy(shared, copies / "first")
        with pytest.raises(FileExistsError):
            spares.working_copy(shared, copies / "first")
        (tmp_path / "shared").rename(tmp_path / "gone")
        spares.working_copy(shared, copies / "last spare")
        with pytest.raises(SourceError, match="could not copy"):
            spares.working_copy(shared, copies / "second")
