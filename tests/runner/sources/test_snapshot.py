"""The sources of a sweep: frozen, complete, and every trial's own."""

from __future__ import annotations

import os
import stat
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import SourceError
from runner.events import Event, Warned
from runner.model.source import Checkout
from runner.sources.beside import SnapshotLimits
from runner.sources.dirty import write_artifacts
from runner.sources.snapshot import snapshot
from runner.sources.working_copy import copy_file, working_copy
from runner.sources.written import keep_what_was_written
from tests.runner.sources.repositories import NASTY, Fetcher, Repository, git, tree
from tests.runner.sources.repositories import snapshot as everything


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / f"sweeps {NASTY}" / "run" / "source"


def frozen(repository: Repository, fetcher: Fetcher, into: Path) -> Checkout:
    return snapshot(fetcher(str(repository.path)), into)


def test_trials_see_what_was_there_when_the_sweep_began(
    fetcher: Fetcher, origin: Repository, into: Path
) -> None:
    origin.commit({"train.py": "v1", "gone.py": "", "tool.sh": "#!/bin/sh\n"})
    (origin.path / "tool.sh").chmod(0o755)
    (origin.path / "gone.py").unlink()
    origin.write({"train.py": "v2", f"new {NASTY}/lib.py": "untracked"})
    before = everything(origin.path)

    checkout = frozen(origin, fetcher, into)
    assert everything(origin.path).keys() == before.keys()
    origin.write({"train.py": "v3", "later.py": ""})
    own = working_copy(checkout, into.parent / "copy")

    assert tree(own.directory) == {
        "MLproject": ("file", b"name: first\n"),
        "train.py": ("file", b"v2"),
        "tool.sh": ("program", b"#!/bin/sh\n"),
        f"new {NASTY}/lib.py": ("file", b"untracked"),
    }
    assert checkout.shared_root == into
    assert checkout.directory == into


def test_what_is_recorded_describes_what_was_copied(
    fetcher: Fetcher, origin: Repository, into: Path, tmp_path: Path
) -> None:
    origin.write({"MLproject": "name: changed\n", "new.py": "1"})
    prepared = fetcher(str(origin.path))
    origin.write({"MLproject": "name: changed again\n", "new.py": "2"})

    checkout = snapshot(prepared, into)

    assert checkout.provenance == replace(fetcher(str(origin.path)).provenance, repository_root=into)
    assert checkout.provenance.dirty is not None
    origin.write({"new.py": "3"})
    write_artifacts(checkout.provenance.dirty, into, tmp_path / "artifacts")
    assert b"changed again" in (tmp_path / "artifacts" / "dirty.patch").read_bytes()
    with tarfile.open(tmp_path / "artifacts" / "untracked.tar.gz") as tar:
        member = tar.extractfile("new.py")
        assert member is not None
        assert member.read() == b"2"


def test_a_file_that_changes_while_it_is_copied_is_taken_again(
    fetcher: Fetcher, origin: Repository, into: Path, patch: pytest.MonkeyPatch
) -> None:
    origin.commit({"a.py": "1", "b.py": "1"})
    prepared = fetcher(str(origin.path))
    changes = iter(["2", "3"])

    def copy_and_be_edited(source: str, target: str) -> str:
        done = copy_file(source, target)
        if source.endswith("b.py") and (text := next(changes, None)):
            origin.write({"a.py": text})
        return done

    patch.setattr("runner.sources.snapshot.copy_file", copy_and_be_edited)
    checkout = snapshot(prepared, into)

    assert (into / "a.py").read_text() == "3"
    assert checkout.provenance.dirty is not None
    assert b"+3" in checkout.provenance.dirty.patch


def test_sources_that_never_hold_still_are_refused(
    fetcher: Fetcher, origin: Repository, into: Path, patch: pytest.MonkeyPatch
) -> None:
    prepared = fetcher(str(origin.path))

    def copy_and_be_edited(source: str, target: str) -> str:
        done = copy_file(source, target)
        (origin.path / f"{len(os.listdir(origin.path))}.log").touch()
        return done

    patch.setattr("runner.sources.snapshot.copy_file", copy_and_be_edited)
    with pytest.raises(SourceError, match="kept changing while it was copied") as raised:
        snapshot(prepared, into)

    assert raised.value.hint is not None
    assert "ignore" in raised.value.hint
    assert os.listdir(into.parent) == []


def test_ignored_data_stays_reachable_at_the_same_place(
    fetcher: Fetcher, origin: Repository, into: Path
) -> None:
    origin.commit({".gitignore": "data/\n*.bin\n", "lib/x.py": ""})
    origin.write(
        {"data/raw/big.csv": b"1" * 2_000_000, "data/small.csv": "a;b\n", "lib/w.bin": b"2" * 2_000_000}
    )

    own = working_copy(frozen(origin, fetcher, into), into.parent / "copy").directory

    assert (own / "data/raw/big.csv").read_bytes() == b"1" * 2_000_000
    assert (own / "data/small.csv").read_text() == "a;b\n"
    assert os.readlink(own / "data/raw/big.csv") == str(origin.path / "data/raw/big.csv")
    assert os.readlink(own / "lib/w.bin") == str(origin.path / "lib/w.bin")


def test_an_ignored_folder_of_very_many_files_is_linked_whole(
    fetcher: Fetcher, origin: Repository, into: Path
) -> None:
    origin.commit({".gitignore": "images\ncache\n"})
    origin.write({f"images/{number}.png": "x" for number in range(30)} | {"cache/one": "y"})

    snapshot(fetcher(str(origin.path)), into, limits=SnapshotLimits(beside_entries=20))

    assert os.readlink(into / "images") == str(origin.path / "images")
    assert (into / "cache").is_dir()
    assert not (into / "cache").is_symlink()


def test_trials_do_not_write_over_one_another_nor_into_what_is_the_users(
    fetcher: Fetcher, origin: Repository, into: Path
) -> None:
    origin.commit({".gitignore": "out/\n"})
    origin.write({"out/model.pkl": "the user's"})
    checkout = frozen(origin, fetcher, into)

    copies = [working_copy(checkout, into.parent / name).directory for name in ("one", "two")]
    for copy in copies:
        (copy / "out/model.pkl").write_text(copy.name)
        (copy / "out/log.txt").write_text(copy.name)

    assert [(copy / "out/model.pkl").read_text() for copy in copies] == ["one", "two"]
    assert tree(origin.path)["out/model.pkl"] == ("file", b"the user's")
    assert not (origin.path / "out/log.txt").exists()


def test_stores_of_runs_and_environments_and_secrets_are_not_copied(
    fetcher: Fetcher, origin: Repository, into: Path
) -> None:
    origin.write({"mlruns.db": "a database", ".env": "TOKEN=s3cr3t", "mlruns/0/meta.yaml": ""})

    frozen(origin, fetcher, into)

    for name in ("mlruns.db", ".env", "mlruns"):
        assert os.readlink(into / name) == str(origin.path / name)


def test_links_lead_where_they_led(fetcher: Fetcher, origin: Repository, tmp_path: Path, into: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("data")
    origin.write({"lib/a.py": "frozen"})
    for name, target in {
        "inside": "lib/a.py",
        "absolute": str(origin.path / "lib" / "a.py"),
        "lib/out": "../../outside.csv",
        "folder": "lib",
        "dangling": "nowhere",
    }.items():
        (origin.path / name).symlink_to(target)

    frozen(origin, fetcher, into)
    (origin.path / "lib/a.py").write_text("edited")

    assert (into / "inside").read_text() == (into / "absolute").read_text() == "frozen"
    assert (into / "folder/a.py").read_text() == "frozen"
    assert os.readlink(into / "absolute") == "lib/a.py"
    assert os.readlink(into / "lib/out") == str(outside)
    assert os.readlink(into / "dangling") == "nowhere"


def test_a_project_in_a_subdirectory_and_its_submodules(
    fetcher: Fetcher, origin: Repository, into: Path, tmp_path: Path
) -> None:
    library = Repository.new(tmp_path / "library", {"lib.py": "1", ".gitignore": "*.dat\n"})
    origin.add_submodule(str(library.path), "vendor/library")
    origin.commit({"projects/a/MLproject": "", "shared.py": "s"})
    origin.write({"vendor/library/lib.py": "edited", "vendor/library/big.dat": "d"})

    checkout = snapshot(fetcher(f"{origin.path}/projects/a"), into)

    assert checkout.directory == into / "projects/a"
    assert (into / "shared.py").read_text() == "s"
    assert (into / "vendor/library/lib.py").read_text() == "edited"
    assert (into / "vendor/library/big.dat").read_text() == "d"
    assert checkout.provenance.dirty is not None


def test_a_program_may_ask_git_of_its_copy(fetcher: Fetcher, origin: Repository, into: Path) -> None:
    origin.write({"MLproject": "name: changed\n"})

    own = working_copy(frozen(origin, fetcher, into), into.parent / "copy").directory

    assert git(own, "rev-parse", "HEAD") == origin.head
    assert git(own, "status", "--porcelain") == " M MLproject"
    git(own, "commit", "-aqm", "by a trial")
    assert git(own, "rev-parse", "HEAD") != origin.head
    assert origin.git("status", "--porcelain") == " M MLproject"


def test_outside_git_all_is_copied_but_what_is_large_or_made_by_others(
    fetcher: Fetcher, tmp_path: Path, into: Path
) -> None:
    folder = tmp_path / NASTY
    for name in ("train.py", "pkg/m.py", "venv/pyvenv.cfg", "venv/lib/x.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "weights.bin").write_bytes(b"0" * 5000)
    os.mkfifo(folder / "pipe")
    news: list[Event] = []

    checkout = snapshot(
        fetcher(str(folder)),
        into,
        limits=SnapshotLimits(file_bytes=4000, beside_entries=1),
        listener=news.append,
    )

    assert (into / "pkg/m.py").read_text() == "pkg/m.py"
    assert os.readlink(into / "weights.bin") == str(folder / "weights.bin")
    assert os.readlink(into / "venv") == str(folder / "venv")
    assert not (into / "pipe").exists()
    assert (checkout.provenance.repository_root, checkout.directory) == (None, into)
    (warning,) = [event.message for event in news if isinstance(event, Warned)]
    assert "weights.bin (0.0 MiB): too large to be copied for each trial" in warning


def test_a_tree_too_large_to_copy_is_refused_with_what_makes_it_so(
    fetcher: Fetcher, origin: Repository, into: Path
) -> None:
    origin.write({f"data/{number}.csv": "x" * 1000 for number in range(9)})

    with pytest.raises(SourceError, match=r"10 files.*most of it: data \(") as raised:
        snapshot(fetcher(str(origin.path)), into, limits=SnapshotLimits(total_bytes=5000))

    assert (
        raised.value.hint
        == "let git ignore the data (it stays reachable, and is not copied), or keep it elsewhere"
    )
    assert os.listdir(into.parent) == []


def test_the_state_of_runner_is_not_part_of_the_sources(fetcher: Fetcher, origin: Repository) -> None:
    state = origin.path / "state"
    origin.write({"state/sweeps/other/source/train.py": "old", "state/log": ""})

    snapshot(fetcher(str(origin.path)), state / "sweeps" / "run" / "source", left_out=[state])

    assert set(tree(state / "sweeps" / "run" / "source")) == {"MLproject"}


def test_a_checkout_of_the_cache_is_copied_as_it_is(fetcher: Fetcher, origin: Repository, into: Path) -> None:
    checkout = fetcher(origin.url)

    taken = snapshot(checkout, into)

    assert tree(into) == tree(checkout.directory)
    assert (taken.shared_root, taken.directory) == (into, into)
    assert taken.provenance.commit == origin.head


def test_a_snapshot_is_never_taken_over_another(fetcher: Fetcher, origin: Repository, into: Path) -> None:
    frozen(origin, fetcher, into)

    with pytest.raises(FileExistsError):
        frozen(origin, fetcher, into)


def test_what_a_trial_wrote_is_kept_and_its_sources_are_not(
    fetcher: Fetcher, origin: Repository, into: Path
) -> None:
    origin.commit({"train.py": "code", "config.yaml": "a: 1", "touched.py": "same", ".gitignore": "data/\n"})
    origin.write({"data/big.csv": b"1" * 2_000_000})
    own = working_copy(frozen(origin, fetcher, into), into.parent / "copy").directory
    (own / "config.yaml").write_text("a: 2")
    (own / "touched.py").write_text("same")
    (own / f"out {NASTY}").mkdir()
    (own / f"out {NASTY}" / "model.pkl").write_text("weights")
    (own / "data" / "features.csv").write_text("made")
    (own / "latest").symlink_to("model.pkl")
    (own / "__pycache__").mkdir()
    (own / "__pycache__" / "train.cpython-311.pyc").write_text("")
    kept = into.parent / "trials" / "trial-001"

    paths = keep_what_was_written(own, into, kept)

    assert tree(kept) == {
        "config.yaml": ("file", b"a: 2"),
        f"out {NASTY}/model.pkl": ("file", b"weights"),
        "data/features.csv": ("file", b"made"),
        "latest": ("link", b"model.pkl"),
    }
    assert set(paths) == set(tree(kept))
    assert keep_what_was_written(own, into, kept) == []
    assert len(tree(kept)) == 4
    assert (origin.path / "data/big.csv").stat().st_size == 2_000_000


def test_nothing_is_kept_where_nothing_was_written(fetcher: Fetcher, origin: Repository, into: Path) -> None:
    own = working_copy(frozen(origin, fetcher, into), into.parent / "copy").directory
    kept = into.parent / "trials" / "trial-001"

    assert keep_what_was_written(own, into, kept) == []
    assert not kept.parent.exists()


def test_read_only_sources_can_be_copied_and_changed(
    fetcher: Fetcher, origin: Repository, into: Path
) -> None:
    (origin.path / "MLproject").chmod(0o444)

    own = working_copy(frozen(origin, fetcher, into), into.parent / "copy").directory

    assert (own / "MLproject").stat().st_mode & stat.S_IWUSR
