from __future__ import annotations

import threading
from pathlib import Path

import pytest

from runner.errors import CloneFailed, RevisionNotFound, SourceError
from runner.model.source import Checkout
from tests.runner.sources.repositories import Fetcher, Repository, git, tree


def test_the_default_branch_is_taken_when_none_is_named(fetcher: Fetcher, origin: Repository) -> None:
    origin.git("branch", "-m", "trunk")

    checkout = fetcher(origin.url)

    assert checkout.provenance.commit == origin.head
    assert checkout.provenance.branch == "trunk"
    assert checkout.provenance.source_name == str(origin.path / ".git")
    assert checkout.provenance.repository_url == str(origin.path / ".git")
    assert tree(checkout.directory) == tree(origin.path)
    assert checkout.shared_root == checkout.directory


def test_a_branch_is_fetched_anew_each_time(fetcher: Fetcher, origin: Repository) -> None:
    fetcher(origin.url, "main")
    newer = origin.commit({"f": "2"})

    checkout = fetcher(origin.url, "main")

    assert checkout.provenance.commit == newer
    assert (checkout.directory / "f").read_text() == "2"


def test_a_branch_with_slashes_and_odd_characters(fetcher: Fetcher, origin: Repository) -> None:
    for name in ("feature/a", "a';echo\"b", "naïve", "deadbeef"):
        origin.git("branch", name)
        assert fetcher(origin.url, name).provenance.branch == name


def test_a_branch_can_become_a_folder_of_branches(fetcher: Fetcher, origin: Repository) -> None:
    origin.git("branch", "topic")
    fetcher(origin.url, "topic")
    origin.git("branch", "-D", "topic")
    origin.git("checkout", "--quiet", "-b", "topic/one")
    commit = origin.commit({"f": "x"})

    assert fetcher(origin.url, "topic/one").provenance.commit == commit
    with pytest.raises(RevisionNotFound):
        fetcher(origin.url, "topic")


def test_tags_plain_and_annotated(fetcher: Fetcher, origin: Repository) -> None:
    first = origin.head
    origin.git("tag", "plain")
    origin.git("tag", "-a", "-m", "message", "annotated")
    origin.commit({"f": "2"})

    for tag in ("plain", "annotated", "refs/tags/annotated", "tags/plain"):
        provenance = fetcher(origin.url, tag).provenance
        assert (provenance.commit, provenance.branch) == (first, None)


def test_a_tag_wins_over_a_branch_of_its_name(fetcher: Fetcher, origin: Repository) -> None:
    first = origin.head
    origin.git("tag", "both")
    origin.commit({"f": "2"})
    origin.git("branch", "both")

    assert fetcher(origin.url, "both").provenance.commit == first
    assert any("tag and a branch" in warning for warning in fetcher.warnings)


def test_a_moved_tag_is_followed(fetcher: Fetcher, origin: Repository) -> None:
    origin.git("tag", "latest")
    fetcher(origin.url, "latest")
    newer = origin.commit({"f": "2"})
    origin.git("tag", "--force", "latest")

    assert fetcher(origin.url, "latest").provenance.commit == newer


def test_commits_by_full_and_abbreviated_id(fetcher: Fetcher, origin: Repository) -> None:
    first = origin.head
    origin.commit({"f": "2"})

    for version in (first, first[:12], first[:7], first[:12].upper()):
        provenance = fetcher(origin.url, version).provenance
        assert (provenance.commit, provenance.branch) == (first, None)


def test_an_abbreviated_id_made_after_the_last_fetch_is_found(fetcher: Fetcher, origin: Repository) -> None:
    fetcher(origin.url)
    newer = origin.commit({"f": "2"})

    assert fetcher(origin.url, newer[:10]).provenance.commit == newer


def test_an_ambiguous_id_lists_what_it_could_mean(fetcher: Fetcher, origin: Repository) -> None:
    # 4 digits are the least git takes: with this many commits two of them are certain to share some.
    lines = "".join(
        f"commit refs/heads/many\ncommitter T <t@example.invalid> {number} +0000\ndata 1\nx\n"
        for number in range(1, 1500)
    )
    stream = origin.path.parent / "stream"
    stream.write_text(lines)
    with stream.open() as source:
        import subprocess

        subprocess.run(
            ["git", "fast-import", "--quiet"], cwd=origin.path, stdin=source, check=True, timeout=60
        )
    ids = origin.git("rev-list", "many").split()
    seen: dict[str, str] = {}
    prefix, pair = next(
        (commit[:4], {seen[commit[:4]], commit})
        for commit in ids
        if seen.setdefault(commit[:4], commit) != commit
    )

    with pytest.raises(RevisionNotFound) as caught:
        fetcher(origin.url, prefix)

    assert all(commit in str(caught.value) for commit in pair)
    assert caught.value.hint == "give more digits"


def test_a_commit_that_no_branch_holds_can_be_had(fetcher: Fetcher, origin: Repository) -> None:
    fetcher(origin.url)
    origin.git("checkout", "--quiet", "--detach")
    lost = origin.commit({"f": "lost"})
    origin.git("checkout", "--quiet", "main")

    assert fetcher(origin.url, lost).provenance.commit == lost


def test_a_pull_request_ref_can_be_named(fetcher: Fetcher, origin: Repository) -> None:
    origin.git("checkout", "--quiet", "--detach")
    proposed = origin.commit({"f": "proposed"})
    origin.git("update-ref", "refs/pull/7/head", proposed)
    origin.git("checkout", "--quiet", "main")

    assert fetcher(origin.url, "refs/pull/7/head").provenance.commit == proposed


def test_an_unknown_version_names_the_one_that_was_meant(fetcher: Fetcher, origin: Repository) -> None:
    origin.git("branch", "develop")

    with pytest.raises(RevisionNotFound) as caught:
        fetcher(origin.url, "devlop")

    assert "'devlop'" in str(caught.value)
    assert caught.value.hint == "did you mean 'develop'?"
    assert caught.value.exit_code == 3


def test_an_unknown_full_id_is_not_found(fetcher: Fetcher, origin: Repository) -> None:
    with pytest.raises(SourceError):
        fetcher(origin.url, "0123456789" * 4)
    fetcher(origin.url)
    with pytest.raises(RevisionNotFound):
        fetcher(origin.url, "0123456789" * 4)


def test_a_tag_of_something_other_than_a_commit_is_refused(fetcher: Fetcher, origin: Repository) -> None:
    origin.git("tag", "a-tree", origin.git("rev-parse", "HEAD^{tree}"))

    with pytest.raises(SourceError):
        fetcher(origin.url, "a-tree")


def test_a_repository_without_commits_is_an_error(fetcher: Fetcher, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "empty.git")

    with pytest.raises(SourceError, match="no commits"):
        fetcher(str(tmp_path / "empty.git"))


def test_what_is_no_repository_is_an_error_that_names_it(fetcher: Fetcher, tmp_path: Path) -> None:
    with pytest.raises(CloneFailed, match=r"127\.0\.0\.1") as caught:
        fetcher("http://127.0.0.1:9/team/project.git")

    assert caught.value.hint == "check the connection and try again"
    assert fetcher.leftovers() == []


def test_a_subdirectory_is_the_project(fetcher: Fetcher, origin: Repository) -> None:
    origin.commit({"projects/proj.v2/MLproject": "name: inner\n"})

    checkout = fetcher(f"{origin.url}#projects/proj.v2")

    assert (checkout.directory / "MLproject").read_text() == "name: inner\n"
    assert checkout.provenance.subdirectory == "projects/proj.v2"
    assert checkout.provenance.source_name.endswith("#projects/proj.v2")


def test_a_missing_subdirectory_lists_those_there_are(fetcher: Fetcher, origin: Repository) -> None:
    origin.commit({"training/MLproject": ""})

    with pytest.raises(SourceError) as caught:
        fetcher(f"{origin.url}#trainin")

    assert caught.value.hint == "did you mean 'training'?"


def test_a_subdirectory_that_links_out_is_refused(fetcher: Fetcher, origin: Repository) -> None:
    (origin.path / "etc").symlink_to("/etc")
    origin.commit({})

    with pytest.raises(SourceError, match="leads out"):
        fetcher(f"{origin.url}#etc")


def test_a_commit_that_is_here_needs_no_origin(fetcher: Fetcher, origin: Repository) -> None:
    commit = fetcher(origin.url).provenance.commit
    origin.lose_objects()

    assert fetcher(origin.url, commit).provenance.commit == commit


def test_a_second_fetch_brings_only_what_is_new(fetcher: Fetcher, origin: Repository) -> None:
    import os

    origin.commit({"large": os.urandom(3_000_000)})
    fetcher(origin.url)
    (mirror,) = fetcher.mirrors()
    before = {pack: pack.stat().st_ino for pack in (mirror / "objects" / "pack").glob("*.pack")}
    origin.commit({"small": "x"})

    fetcher(origin.url)

    after = {pack: pack.stat().st_ino for pack in (mirror / "objects" / "pack").glob("*.pack")}
    new = set(after) - set(before)
    assert {pack: after[pack] for pack in before} == before
    assert len(new) == 1
    assert sum(pack.stat().st_size for pack in new) < 10_000


def test_many_fetches_leave_few_packs_and_a_sound_mirror(
    fetcher: Fetcher, origin: Repository, patch: pytest.MonkeyPatch
) -> None:
    from runner.sources import mirror as module

    patch.setattr(module, "_MANY_PACKS", 4)
    first = origin.head
    for number in range(8):
        origin.commit({"f": str(number)})
        fetcher(origin.url)

    (mirror,) = fetcher.mirrors()
    assert len(list((mirror / "objects" / "pack").glob("*.pack"))) < 6
    git(mirror, "fsck", "--strict")
    assert fetcher(origin.url, first).provenance.commit == first


def test_eight_fetches_of_a_new_url_at_once(fetcher: Fetcher, origin: Repository) -> None:
    for number in range(20):
        origin.commit({f"f{number}": str(number)})
    results: list[Checkout] = []
    errors: list[BaseException] = []
    together = threading.Barrier(8)

    def fetch() -> None:
        together.wait(30)
        try:
            results.append(fetcher(origin.url))
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test shall show it
            errors.append(error)

    threads = [threading.Thread(target=fetch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert errors == []
    assert {result.directory for result in results} == {results[0].directory}
    assert len(results) == 8
    (mirror,) = fetcher.mirrors()
    assert len(list((mirror / "objects" / "pack").glob("*.pack"))) == 1
    assert fetcher.leftovers() == []


def test_concurrent_fetches_without_a_lease_do_no_harm(
    fetcher: Fetcher, origin: Repository, patch: pytest.MonkeyPatch
) -> None:
    from contextlib import nullcontext

    from runner.sources import mirror as mirrors
    from runner.sources import pristine

    for user in (mirrors, pristine):
        patch.setattr(user, "lease", lambda *_, **__: nullcontext(False))
    fetcher(origin.url)
    commits = [origin.commit({"f": str(number)}) for number in range(4)]
    for number, commit in enumerate(commits):
        origin.git("branch", f"b{number}", commit)
    errors: list[BaseException] = []

    def fetch(version: str) -> None:
        try:
            fetcher(origin.url, version)
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test shall show it
            errors.append(error)

    threads = [threading.Thread(target=fetch, args=[f"b{number}"]) for number in (0, 1, 2, 3, 0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert errors == []
    (mirror,) = fetcher.mirrors()
    git(mirror, "fsck", "--strict")


def test_a_changed_checkout_in_the_cache_is_made_again(fetcher: Fetcher, origin: Repository) -> None:
    checkout = fetcher(origin.url)
    (checkout.directory / "MLproject").write_text("name: somebody else's\n")
    (checkout.directory / "extra.py").write_text("")

    again = fetcher(origin.url)

    assert again.directory == checkout.directory
    assert tree(again.directory) == tree(origin.path)
    assert fetcher.leftovers() == []


def test_hooks_of_templates_and_of_the_user_do_not_run(
    fetcher: Fetcher, origin: Repository, tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
        (hooks / name).chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(f"[init]\n\ttemplateDir = {hooks.parent}\n[core]\n\thooksPath = {hooks}\n")
    patch.setenv("GIT_CONFIG_GLOBAL", str(config))

    fetcher(origin.url)

    assert not (tmp_path / "hooked").exists()


def test_variables_of_a_surrounding_hook_do_not_mislead(
    fetcher: Fetcher, origin: Repository, tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    other = Repository.new(tmp_path / "other")
    head = origin.head
    patch.setenv("GIT_DIR", str(other.path / ".git"))
    patch.setenv("GIT_WORK_TREE", str(other.path))
    patch.setenv("GIT_INDEX_FILE", str(other.path / ".git" / "index"))

    assert fetcher(origin.url).provenance.commit == head


def test_a_shallow_repository_can_be_an_origin(fetcher: Fetcher, origin: Repository, tmp_path: Path) -> None:
    origin.commit({"f": "2"})
    git(tmp_path, "clone", "--quiet", "--depth=1", origin.url, "shallow")
    shallow = Repository(tmp_path / "shallow")

    assert fetcher(shallow.url).provenance.commit == origin.head
    newer = shallow.commit({"f": "3"})
    assert fetcher(shallow.url).provenance.commit == newer
    shallow.git("fetch", "--quiet", "--unshallow")
    first = origin.git("rev-list", "--max-parents=0", "HEAD")
    assert fetcher(shallow.url, first).provenance.commit == first


def test_git_that_is_not_installed_is_said(
    fetcher: Fetcher, origin: Repository, tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    url = origin.url
    patch.setenv("PATH", str(tmp_path))

    with pytest.raises(SourceError) as caught:
        fetcher(url)

    assert "git" in str(caught.value)
    assert "install" in (caught.value.hint or "")


def test_a_cache_that_cannot_be_written_is_said(origin: Repository, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SourceError) as caught:
        Fetcher(cache=tmp_path / "file")(origin.url)

    assert "RUNNER_CACHE_DIR" in (caught.value.hint or "")
