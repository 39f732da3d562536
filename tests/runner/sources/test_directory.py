from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from runner.errors import RevisionNotFound, SourceError
from runner.sources.staging import staging
from runner.sources.working_copy import remove_abandoned, working_copy
from tests.runner.sources.repositories import NASTY, Fetcher, Repository, git, snapshot, tree


def test_a_directory_outside_any_repository_is_used_in_place(fetcher: Fetcher, tmp_path: Path) -> None:
    folder = tmp_path / NASTY
    folder.mkdir()

    checkout = fetcher(str(folder))

    assert (checkout.directory, checkout.shared_root) == (folder, None)
    provenance = checkout.provenance
    assert (provenance.commit, provenance.branch, provenance.repository_root) == (None, None, None)
    assert provenance.source_name == str(folder)
    assert fetcher.warnings == []
    assert not fetcher.cache.exists()


def test_a_clean_repository_is_described(fetcher: Fetcher, origin: Repository) -> None:
    origin.git("remote", "add", "upstream", "https://me:s3cr3t@example.org/up.git")
    origin.git("remote", "add", "origin", "https://s3cr3t@example.org/team/project.git")

    provenance = fetcher(str(origin.path)).provenance

    assert provenance.commit == origin.head
    assert provenance.branch == "main"
    assert provenance.repository_url == "https://example.org/team/project.git"
    assert provenance.repository_root == origin.path
    assert (provenance.subdirectory, provenance.dirty) == ("", None)
    assert "s3cr3t" not in repr(provenance)


def test_without_an_origin_the_first_remote_counts(fetcher: Fetcher, origin: Repository) -> None:
    origin.git("remote", "add", "zeta", "git@example.org:z.git")
    origin.git("remote", "add", "alpha", "git@example.org:a.git")

    assert fetcher(str(origin.path)).provenance.repository_url == "git@example.org:z.git"


def test_a_subdirectory_of_a_repository(fetcher: Fetcher, origin: Repository) -> None:
    origin.commit({f"projects/{NASTY}/MLproject": ""})

    for uri in (f"{origin.path}/projects/{NASTY}", f"{origin.path}#projects/{NASTY}"):
        checkout = fetcher(uri)
        assert checkout.directory == origin.path / "projects" / NASTY
        assert checkout.provenance.commit == origin.head
        assert checkout.provenance.subdirectory == f"projects/{NASTY}"
        assert checkout.provenance.dirty is None


def test_a_change_elsewhere_in_the_repository_counts(fetcher: Fetcher, origin: Repository) -> None:
    origin.commit({"projects/a/MLproject": "", "lib.py": "1"})
    origin.write({"lib.py": "2"})

    dirty = fetcher(f"{origin.path}/projects/a").provenance.dirty

    assert dirty is not None
    assert b"lib.py" in dirty.patch


def test_a_detached_head_has_no_branch(fetcher: Fetcher, origin: Repository) -> None:
    origin.git("checkout", "--quiet", "--detach")

    provenance = fetcher(str(origin.path)).provenance

    assert (provenance.commit, provenance.branch) == (origin.head, None)


def test_a_repository_without_commits_has_no_commit_to_record(fetcher: Fetcher, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "-b", "main", "new")
    (tmp_path / "new" / "f").write_text("x")

    provenance = fetcher(str(tmp_path / "new")).provenance

    assert (provenance.commit, provenance.dirty) == (None, None)
    assert provenance.repository_root == tmp_path / "new"
    assert any("no commit yet" in warning for warning in fetcher.warnings)


def test_an_ignored_directory_belongs_to_no_commit(fetcher: Fetcher, origin: Repository) -> None:
    origin.commit({".gitignore": "scratch/\n"})
    (origin.path / "scratch" / "project").mkdir(parents=True)

    for uri in (f"{origin.path}/scratch", f"{origin.path}/scratch/project"):
        assert fetcher(uri).provenance.commit is None


def test_a_tracked_directory_that_a_pattern_matches_belongs_to_its_commit(
    fetcher: Fetcher, origin: Repository
) -> None:
    origin.commit({".gitignore": "kept/\n", "kept/MLproject": ""})

    assert fetcher(f"{origin.path}/kept").provenance.commit == origin.head


def test_an_untracked_directory_is_a_change_of_the_commit(fetcher: Fetcher, origin: Repository) -> None:
    origin.write({"new/MLproject": "name: new\n"})

    provenance = fetcher(f"{origin.path}/new").provenance

    assert provenance.commit == origin.head
    assert provenance.dirty is not None
    assert provenance.dirty.untracked == ("new/MLproject",)


def test_a_linked_worktree(fetcher: Fetcher, origin: Repository, tmp_path: Path) -> None:
    origin.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))

    provenance = fetcher(str(tmp_path / "side")).provenance

    assert (provenance.commit, provenance.branch) == (origin.head, "side")
    assert provenance.repository_root == tmp_path / "side"


def test_the_inside_of_a_git_folder_is_no_project_of_the_repository(
    fetcher: Fetcher, origin: Repository
) -> None:
    assert fetcher(f"{origin.path}/.git/hooks").provenance.commit is None


def test_a_broken_repository_is_a_warning_not_a_failure(fetcher: Fetcher, origin: Repository) -> None:
    (origin.path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (origin.path / ".git" / "config").write_text("[core\n")

    assert fetcher(str(origin.path)).provenance.commit is None
    assert any("git cannot say" in warning for warning in fetcher.warnings)


def test_a_repository_of_another_user_is_a_warning(
    fetcher: Fetcher, origin: Repository, patch: pytest.MonkeyPatch
) -> None:
    # git's own switch for testing its refusal.
    patch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    assert fetcher(str(origin.path)).provenance.commit is None
    assert any("dubious ownership" in warning for warning in fetcher.warnings)
    with pytest.raises(SourceError) as caught:
        fetcher(str(origin.path), "main")
    assert "safe.directory" in f"{caught.value} {caught.value.hint}"


def test_git_that_is_not_installed_is_a_warning(
    fetcher: Fetcher, origin: Repository, tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    patch.setenv("PATH", str(tmp_path / "nothing"))

    assert fetcher(str(origin.path)).provenance.commit is None
    assert any("git is not on PATH" in warning for warning in fetcher.warnings)
    (tmp_path / "plain").mkdir()
    fetcher.news.clear()
    fetcher(str(tmp_path / "plain"))
    assert fetcher.warnings == []


def test_submodules_are_recorded_with_what_is_checked_out(
    fetcher: Fetcher, origin: Repository, tmp_path: Path
) -> None:
    lib = Repository.new(tmp_path / "lib")
    origin.add_submodule(lib.url, "lib")

    assert fetcher(str(origin.path)).provenance.submodule_commits == (("lib", lib.head),)


def test_our_own_records_beside_the_project_are_not_a_change(fetcher: Fetcher, origin: Repository) -> None:
    names = ("", "-wal", "-shm", ".token", ".server", ".server.log", ".lock")
    origin.write({f"mlruns.db{name}": "x" for name in names})
    origin.write({"mlartifacts/1/log": "x", "mlruns/0/meta.yaml": "x"})

    assert fetcher(str(origin.path)).provenance.dirty is None


def test_looking_changes_nothing(fetcher: Fetcher, origin: Repository) -> None:
    origin.write({"MLproject": "name: changed\n", "new": "x"})
    before = snapshot(origin.path)

    fetcher(str(origin.path))

    assert snapshot(origin.path) == before


def test_describing_a_clean_tree_is_cheap(
    fetcher: Fetcher, origin: Repository, patch: pytest.MonkeyPatch
) -> None:
    from runner import process

    started: list[str] = []
    real = process.capture

    def counting(argv: list[str], **options: object) -> process.Captured:
        started.append(argv[1])
        return real(argv, **options)  # type: ignore[arg-type]  # passed on as they came

    patch.setattr(process, "capture", counting)

    fetcher(str(origin.path))

    assert started == ["rev-parse", "status", "config"]


@pytest.fixture
def history(origin: Repository) -> tuple[Repository, str]:
    """A repository with uncommitted work and all kinds of state, and its first commit."""
    first = origin.head
    origin.git("tag", "-a", "-m", "message", "v1")
    origin.commit({"MLproject": "name: second\n", "sub/f": "2"})
    origin.write({"MLproject": "name: uncommitted\n", "untracked": "x", "staged": "x"})
    origin.git("add", "staged")
    origin.git("config", "user.name", "Somebody")
    return origin, first


@pytest.mark.parametrize("version", ["v1", "HEAD~1", "main^", "FULL", "SHORT"])
def test_another_version_of_a_local_repository_leaves_the_checkout_bit_identical(
    fetcher: Fetcher, history: tuple[Repository, str], version: str
) -> None:
    repository, first = history
    wanted = {"FULL": first, "SHORT": first[:8]}.get(version, version)
    before = snapshot(repository.path)

    checkout = fetcher(str(repository.path), wanted)

    assert snapshot(repository.path) == before
    assert checkout.provenance.commit == first
    assert checkout.provenance.branch is None
    assert checkout.provenance.dirty is None
    assert (checkout.directory / "MLproject").read_text() == "name: first\n"
    assert repository.path not in checkout.directory.parents


def test_a_branch_of_a_local_repository_is_recorded(fetcher: Fetcher, origin: Repository) -> None:
    origin.git("branch", "side")

    assert fetcher(str(origin.path), "side").provenance.branch == "side"
    assert fetcher(str(origin.path), "HEAD").provenance.branch == "main"


def test_a_new_commit_of_the_local_repository_is_seen(fetcher: Fetcher, origin: Repository) -> None:
    fetcher(str(origin.path), "main")
    newer = origin.commit({"f": "new"})

    assert fetcher(str(origin.path), "main").provenance.commit == newer


def test_a_version_of_a_subdirectory(fetcher: Fetcher, origin: Repository) -> None:
    origin.commit({"a/b/MLproject": "old"})
    origin.git("tag", "old")
    origin.commit({"a/b/MLproject": "new"})

    for uri in (f"{origin.path}/a/b", f"{origin.path}/a#b", f"file://{origin.path}#a/b"):
        checkout = fetcher(uri, "old")
        assert (checkout.directory / "MLproject").read_text() == "old"
        assert checkout.provenance.subdirectory == "a/b"


def test_a_shallow_checkout_stays_as_it_is(fetcher: Fetcher, origin: Repository, tmp_path: Path) -> None:
    origin.commit({"f": "2"})
    git(tmp_path, "clone", "--quiet", "--depth=1", origin.url, "shallow")
    before = snapshot(tmp_path / "shallow")

    checkout = fetcher(str(tmp_path / "shallow"), "HEAD")

    assert checkout.provenance.commit == origin.head
    assert checkout.provenance.repository_url == origin.url
    assert snapshot(tmp_path / "shallow") == before


def test_a_version_that_is_not_there_names_what_was_meant(fetcher: Fetcher, origin: Repository) -> None:
    origin.git("branch", "develop")

    with pytest.raises(RevisionNotFound) as caught:
        fetcher(str(origin.path), "devlop")

    assert caught.value.hint == "did you mean 'develop'?"


def test_a_directory_outside_any_repository_has_no_versions(fetcher: Fetcher, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not in a git repository"):
        fetcher(str(tmp_path), "v1")


def test_a_missing_subdirectory_is_an_error(fetcher: Fetcher, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no directory 'nothing'"):
        fetcher(f"{tmp_path}#nothing")


def test_a_working_copy_takes_what_a_program_writes(
    fetcher: Fetcher, origin: Repository, tmp_path: Path
) -> None:
    origin.commit({"run.sh": "#!/bin/sh\n", "data/table": "rows"})
    (origin.path / "run.sh").chmod(0o755)
    (origin.path / "link").symlink_to("data/table")
    origin.commit({})
    shared = fetcher(str(origin.path), "HEAD")
    before = tree(shared.directory)

    one, two = (working_copy(shared, tmp_path / "work" / name) for name in ("one", "two"))
    (one.directory / "data" / "table").write_text("other")
    with (one.directory / "run.sh").open("a") as script:
        script.write("exit 1\n")
    (one.directory / "output").write_text("x")

    assert tree(shared.directory) == tree(two.directory) == before
    assert one.provenance.repository_root == tmp_path / "work" / "one"
    assert one.shared_root is None
    assert git(two.directory, "status", "--porcelain") == ""
    assert set(git(one.directory, "status", "--porcelain").split()) == {
        "M",
        "data/table",
        "run.sh",
        "??",
        "output",
    }
    assert fetcher(str(origin.path), "HEAD").directory == shared.directory


def test_copies_of_runs_that_are_over_are_removed_but_not_those_being_made(tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    for name in ("open", "over"):
        (copies / name / "sub").mkdir(parents=True)
    (copies / "over" / "sub").chmod(0o500)

    with staging(copies) as being_made:
        remove_abandoned(copies, open_run_ids=lambda: {"open"})
        assert being_made.exists()

    assert [folder.name for folder in copies.iterdir()] == ["open"]
    remove_abandoned(tmp_path / "nothing", open_run_ids=set)


def test_the_users_own_directory_is_not_copied(fetcher: Fetcher, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    own = fetcher(str(tmp_path / "own"))

    assert working_copy(own, tmp_path / "work") is own
    assert not (tmp_path / "work").exists()


def test_a_working_copy_of_a_program_that_reads_beside_it_keeps_its_subdirectory(
    fetcher: Fetcher, origin: Repository, tmp_path: Path
) -> None:
    origin.commit({"a/MLproject": "", "lib.py": "shared"})

    copy = working_copy(fetcher(f"{origin.path}#a", "HEAD"), tmp_path / "work")

    assert copy.directory == tmp_path / "work" / "a"
    assert (copy.directory / ".." / "lib.py").read_text() == "shared"


def test_describing_takes_a_few_milliseconds(origin: Repository) -> None:
    """Not a benchmark: only that nothing slow (a network name, a walk of everything) has crept in."""
    from runner.events import ignore
    from runner.sources.provenance import describe

    subprocess.run(["git", "status"], cwd=origin.path, capture_output=True, check=True, timeout=60)
    durations = []
    for _ in range(5):
        started = time.perf_counter()
        describe(origin.path, source_name="x", listener=ignore)
        durations.append(time.perf_counter() - started)

    assert min(durations) < 0.1
