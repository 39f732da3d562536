from __future__ import annotations

import socket
from pathlib import Path

import pytest

from runner.errors import CloneFailed, SourceError
from runner.sources.working_copy import working_copy
from tests.runner.sources.repositories import Fetcher, Repository, git
from tests.runner.sources.serving import serving

SECRET = "s3cr3t-t0ken/+%&'\" x"
ESCAPED = "s3cr3t-t0ken%2F%2B%25%26%27%22%20x"


def publish(repository: Repository, site: Path, name: str = "project.git") -> None:
    git(site.parent, "clone", "--quiet", "--mirror", str(repository.path), str(site / name))


@pytest.fixture
def site(tmp_path: Path, origin: Repository) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    publish(origin, folder)
    return folder


def test_a_repository_comes_over_http(fetcher: Fetcher, origin: Repository, site: Path) -> None:
    with serving(site) as server:
        checkout = fetcher(server.url("project.git"))

    assert checkout.provenance.commit == origin.head
    assert checkout.provenance.repository_url == server.url("project.git")


def test_what_is_here_already_costs_one_question(fetcher: Fetcher, site: Path) -> None:
    with serving(site) as server:
        fetcher(server.url("project.git"))
        server.requests.clear()

        fetcher(server.url("project.git"), "main")

        assert not any("git-upload-pack" in request and "fetch" in request for request in server.requests)
        assert len(server.requests) <= 2


def test_credentials_open_the_door_and_are_found_nowhere(
    fetcher: Fetcher, origin: Repository, site: Path, tmp_path: Path
) -> None:
    with serving(site, password=SECRET) as server:
        checkout = fetcher(server.url("project.git", f"me:{ESCAPED}@"))

    copy = working_copy(checkout, tmp_path / "work")
    assert checkout.provenance.commit == origin.head
    assert checkout.provenance.repository_url == server.url("project.git")
    assert git(copy.directory, "config", "remote.origin.url") == server.url("project.git")
    assert "s3cr3t" not in f"{checkout!r} {fetcher.news!r}"
    for folder in (fetcher.cache, tmp_path / "work", tmp_path / "home", Path.home()):
        for file in folder.rglob("*"):
            assert not file.is_file() or b"s3cr3t" not in file.read_bytes()


def test_credentials_are_not_in_the_arguments_of_any_process(
    fetcher: Fetcher, site: Path, tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    import shutil

    seen = tmp_path / "seen"
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh"):
        real = shutil.which(name)
        (folder / name).write_text(f'#!/bin/bash\nprintf "%s\\n" "$0 $*" >> "{seen}"\nexec {real} "$@"\n')
        (folder / name).chmod(0o755)
    import os

    with serving(site, password=SECRET) as server:
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        fetcher(server.url("project.git", f"me:{ESCAPED}@"))

    assert "ls-remote" in seen.read_text()
    assert "s3cr3t" not in seen.read_text()


def test_the_users_credential_store_is_not_written(
    fetcher: Fetcher, site: Path, tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[credential]\n\thelper = store\n")
    patch.setenv("GIT_CONFIG_GLOBAL", str(config))

    with serving(site, password=SECRET) as server:
        fetcher(server.url("project.git", f"me:{ESCAPED}@"))

    assert not (Path.home() / ".git-credentials").exists()


def test_the_users_own_credential_helper_is_asked(
    fetcher: Fetcher, site: Path, tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    with serving(site, password="from-the-store") as server:
        store = tmp_path / "store"
        store.write_text(f"http://me:from-the-store@127.0.0.1:{server.port}\n")
        config = tmp_path / "gitconfig"
        config.write_text(f"[credential]\n\thelper = store --file={store}\n")
        patch.setenv("GIT_CONFIG_GLOBAL", str(config))

        assert fetcher(server.url("project.git", "me@")).provenance.commit
        assert fetcher(server.url("project.git")).provenance.commit


def test_wrong_credentials_are_an_error_that_does_not_show_them(fetcher: Fetcher, site: Path) -> None:
    with serving(site, password="another") as server, pytest.raises(CloneFailed) as caught:
        fetcher(server.url("project.git", f"me:{ESCAPED}@"))

    assert "s3cr3t" not in f"{caught.value} {caught.value.ref} {caught.value.hint}"
    assert "credential" in (caught.value.hint or "")


def test_missing_credentials_are_not_asked_for(fetcher: Fetcher, site: Path) -> None:
    with serving(site, password=SECRET) as server, pytest.raises(CloneFailed) as caught:
        fetcher(server.url("project.git"))

    assert "credential" in (caught.value.hint or "")


def test_an_unknown_repository_is_named(fetcher: Fetcher, site: Path) -> None:
    with serving(site) as server, pytest.raises(CloneFailed) as caught:
        fetcher(server.url("nothing.git"))

    assert server.url("nothing.git") in str(caught.value)
    assert "spelling" in (caught.value.hint or "")


def test_offline_the_last_fetched_state_is_used_with_a_warning(
    fetcher: Fetcher, origin: Repository, site: Path
) -> None:
    with serving(site) as server:
        fetcher(server.url("project.git"))

    for version in (None, "main", origin.head[:8], origin.head):
        assert fetcher(server.url("project.git"), version).provenance.commit == origin.head
    offline = [warning for warning in fetcher.warnings if "cannot be reached" in warning]
    assert len(offline) == 3
    assert origin.head[:12] in offline[0]


def test_offline_what_was_never_fetched_is_an_error(fetcher: Fetcher, site: Path) -> None:
    with serving(site) as server:
        fetcher(server.url("project.git"))

    with pytest.raises(CloneFailed, match="could not fetch"):
        fetcher(server.url("project.git"), "other")


def test_a_host_that_refuses_us_is_not_taken_for_offline(fetcher: Fetcher, site: Path) -> None:
    with serving(site) as server:
        fetcher(server.url("project.git"))
        server.password = SECRET

        with pytest.raises(CloneFailed):
            fetcher(server.url("project.git"))


def test_a_host_that_never_answers_is_given_up_and_its_git_killed(tmp_path: Path) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        fetcher = Fetcher(cache=tmp_path / "cache", timeout_s=1.5)

        with pytest.raises(CloneFailed, match=r"within 1\.5 s") as caught:
            fetcher(f"http://127.0.0.1:{deaf.getsockname()[1]}/x.git")

    assert "RUNNER_FETCH_TIMEOUT_S" in (caught.value.hint or "")
    assert any("still asking" in step for step in fetcher.progress)
    assert fetcher.leftovers() == []


def test_submodules_on_the_same_host_share_the_credentials(
    fetcher: Fetcher, origin: Repository, site: Path, tmp_path: Path
) -> None:
    lib = Repository.new(tmp_path / "lib", {"lib.txt": "lib"})
    publish(lib, site, "lib.git")
    with serving(site, password=SECRET) as server:
        top = Repository.new(tmp_path / "top", {"top.txt": ""})
        top.add_submodule(str(lib.path), "lib")
        top.git("config", "-f", ".gitmodules", "submodule.lib.url", "../lib.git")
        top.commit({})
        publish(top, site, "top.git")

        checkout = fetcher(server.url("top.git", f"me:{ESCAPED}@"))

    assert (checkout.directory / "lib" / "lib.txt").read_text() == "lib"
    assert git(checkout.directory / "lib", "config", "remote.origin.url") == server.url("lib.git")


def test_a_repository_from_elsewhere_cannot_have_local_files_as_submodule(
    fetcher: Fetcher, site: Path, tmp_path: Path
) -> None:
    private = Repository.new(tmp_path / "private", {"diary.txt": "dear diary"})
    top = Repository.new(tmp_path / "top", {"top.txt": ""})
    top.add_submodule(str(private.path), "stolen")
    publish(top, site, "top.git")

    with serving(site) as server, pytest.raises(SourceError, match="names a path of this machine"):
        fetcher(server.url("top.git"))

    assert not any("diary" in file.name for file in fetcher.cache.rglob("*"))
