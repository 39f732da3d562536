from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.errors import SourceError
from runner.model.source import DirtyState
from runner.sources.dirty import Limits, collect, write_artifacts
from runner.sources.restore import restore
from tests.runner.sources.repositories import NASTY, Fetcher, Repository, git, tree

BINARY = bytes(range(256)) * 40
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE\n-----END RSA " + "PRIVATE KEY-----\n"


def remade(repository: Repository, folder: Path) -> Path:
    """A clone at the commit of `repository`, with its dirty state restored from the artifacts."""
    dirty = collect(repository.path)
    write_artifacts(dirty, repository.path, folder / "artifacts") if dirty is not None else None
    git(
        folder,
        *("-c", "protocol.file.allow=always", "clone", "--quiet", "--recurse-submodules"),
        *(repository.url, "clone"),
    )
    (folder / "artifacts").mkdir(exist_ok=True)
    restore(folder / "clone", folder / "artifacts")
    return folder / "clone"


Change = Callable[[Repository], None]


def _rename(repository: Repository) -> None:
    repository.git("mv", "text.txt", "moved.txt")


def _rename_and_edit(repository: Repository) -> None:
    (repository.path / "text.txt").rename(repository.path / "moved.txt")
    repository.git("add", "--all")
    repository.write({"moved.txt": "one\ntwo\nTHREE\n"})


def _mode(repository: Repository) -> None:
    (repository.path / "text.txt").chmod(0o755)


def _untracked_program(repository: Repository) -> None:
    repository.write({"tool.sh": "#!/bin/sh\n"})
    (repository.path / "tool.sh").chmod(0o755)


def _mixture(repository: Repository) -> None:
    repository.write({"text.txt": "staged\n", "added.txt": "staged"})
    repository.git("add", "text.txt", "added.txt")
    repository.write({"text.txt": "staged\nand more\n", "added.txt": "changed since"})


def _staged_and_gone(repository: Repository) -> None:
    repository.write({"brief.txt": "x"})
    repository.git("add", "brief.txt")
    (repository.path / "brief.txt").unlink()


def _intent_to_add(repository: Repository) -> None:
    repository.write({"later.txt": "x\n"})
    repository.git("add", "--intent-to-add", "later.txt")


def _empty_staged(repository: Repository) -> None:
    repository.write({"empty": ""})
    repository.git("add", "empty")


def _delete(repository: Repository) -> None:
    (repository.path / "text.txt").unlink()
    (repository.path / "binary").unlink()


def _untrack(repository: Repository) -> None:
    repository.git("rm", "--quiet", "--cached", "text.txt")


def _links(repository: Repository) -> None:
    (repository.path / "untracked-link").symlink_to("nowhere/at all")
    (repository.path / "link").unlink()
    (repository.path / "link").symlink_to("elsewhere")


def _file_becomes_link(repository: Repository) -> None:
    (repository.path / "text.txt").unlink()
    (repository.path / "text.txt").symlink_to("binary")


def _file_becomes_folder(repository: Repository) -> None:
    (repository.path / "text.txt").unlink()
    repository.write({"text.txt/inner": "x"})


def _folder_becomes_file(repository: Repository) -> None:
    (repository.path / "folder" / "inner").unlink()
    (repository.path / "folder").rmdir()
    repository.write({"folder": "now a file"})


def _odd_names(repository: Repository) -> None:
    names = [
        NASTY,
        "new\nline",
        "tab\there",
        'quote"d',
        "back\\slash",
        "naïve ünïcode",
        " lead",
        "-dash",
        "*?[x]",
    ]
    repository.write({f"tracked {name}": "changed\n" for name in names})
    repository.write({f"folder/{name}": name for name in names})
    repository.write({":(top)x": "x"})


def _bytes_in_names(repository: Repository) -> None:
    (repository.path / os.fsdecode(b"latin-\xe9")).write_text("x")


def _line_ends(repository: Repository) -> None:
    repository.write({"text.txt": "one\r\ntwo\r\n", "crlf.txt": "a\nb\r\nc", "new-crlf.txt": "a\r\nb\r"})


def _merge_conflict(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "side")
    repository.commit({"text.txt": "side\n"})
    repository.git("checkout", "--quiet", "main")
    repository.commit({"text.txt": "main\n"})
    with pytest.raises(AssertionError, match="merge"):
        repository.git("merge", "side")


CHANGES: dict[str, Change] = {
    "text": lambda repository: repository.write({"text.txt": "one\nTWO\nthree\n"}),
    "binary": lambda repository: repository.write({"binary": BINARY[::-1], "new.bin": BINARY}),
    "emptied": lambda repository: repository.write({"text.txt": "", "binary": "", "new-empty": ""}),
    "empty staged": _empty_staged,
    "no newline": lambda repository: repository.write({"text.txt": "one\ntwo"}),
    "rename": _rename,
    "rename and edit": _rename_and_edit,
    "mode": _mode,
    "untracked program": _untracked_program,
    "staged and unstaged": _mixture,
    "staged and gone": _staged_and_gone,
    "intent to add": _intent_to_add,
    "delete": _delete,
    "untrack": _untrack,
    "links": _links,
    "file becomes link": _file_becomes_link,
    "file becomes folder": _file_becomes_folder,
    "folder becomes file": _folder_becomes_file,
    "odd names": _odd_names,
    "bytes in names": _bytes_in_names,
    "line ends": _line_ends,
    "merge conflict": _merge_conflict,
}


@pytest.fixture
def project(tmp_path: Path) -> Repository:
    names = [
        NASTY,
        "new\nline",
        "tab\there",
        'quote"d',
        "back\\slash",
        "naïve ünïcode",
        " lead",
        "-dash",
        "*?[x]",
    ]
    repository = Repository.new(
        tmp_path / "project",
        {
            "text.txt": "one\ntwo\nthree\n",
            "crlf.txt": "a\r\nb\r\n",
            "binary": BINARY,
            "folder/inner": "x",
            **{f"tracked {name}": "first\n" for name in names},
        },
    )
    (repository.path / "link").symlink_to("text.txt")
    repository.commit({})
    return repository


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_commit_patch_and_untracked_files_make_the_same_tree(
    project: Repository, tmp_path: Path, change: Change
) -> None:
    change(project)

    assert tree(remade(project, tmp_path)) == tree(project.path)


@pytest.mark.parametrize(
    "setting",
    [
        "diff.noprefix=true",
        "diff.mnemonicPrefix=true",
        "color.diff=always",
        "color.ui=always",
        "diff.context=0",
        "diff.renames=copies",
        "diff.external=/bin/false",
        "diff.submodule=diff",
        "diff.ignoreSubmodules=all",
        "diff.relative=true",
        "core.quotePath=false",
        "status.showUntrackedFiles=no",
        "apply.whitespace=error-all",
        "core.safecrlf=true",
    ],
)
def test_the_users_configuration_does_not_spoil_the_patch(
    project: Repository, tmp_path: Path, setting: str
) -> None:
    project.git("config", *setting.split("="))
    _mixture(project)
    _odd_names(project)
    project.write({"trailing.txt": "x  \n", "text.txt": "spaces at the end  \n"})

    assert tree(remade(project, tmp_path)) == tree(project.path)


_NAMES = st.text(
    st.characters(exclude_characters="/\x00", exclude_categories=["Cs"]), min_size=1, max_size=12
).filter(lambda name: name not in (".", "..") and name.lower() != ".git" and len(name.encode()) < 200)
_CONTENTS = st.one_of(
    st.binary(max_size=60), st.sampled_from([b"", b"a\nb\n", b"a\r\nb", b"\x00\x01", BINARY])
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.dictionaries(_NAMES, _CONTENTS, max_size=4),
    after=st.dictionaries(_NAMES, _CONTENTS, max_size=4),
)
def test_any_two_trees_can_be_remade(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    repository = Repository.new(folder / "project", {"kept": "x"})
    special = {".gitignore", ".gitattributes", ".gitmodules"}
    repository.commit(
        {f"d/{name}": content for name, content in before.items() if name.lower() not in special}
    )
    for name in before:
        (repository.path / "d" / name).unlink(missing_ok=True)
    repository.write({f"d/{name}": content for name, content in after.items() if name.lower() not in special})
    dirty = collect(repository.path)

    if dirty is None or not dirty.skipped:
        assert tree(remade(repository, folder)) == tree(repository.path)


def _collected(repository: Repository, **limits: int) -> DirtyState:
    dirty = collect(repository.path, limits=Limits(**limits))
    assert dirty is not None
    return dirty


def _reasons(dirty: DirtyState) -> dict[str, str]:
    return {file.path: file.reason for file in dirty.skipped}


SECRETS: dict[str, str | bytes] = {
    ".env": "TOKEN=hidden-value",
    "config/.env.production": "TOKEN=hidden-value",
    "deploy.env": "TOKEN=hidden-value",
    "id_rsa": "hidden-value",
    "id_ed25519.pub": "hidden-value",
    "server.pem": "hidden-value",
    "tracks.db.token": "hidden-value",
    "a/tracks.db.server": '{"token": "hidden-value"}',
    "a/b/Server.KEY": "hidden-value",
    "store.p12": "hidden-value",
    "store.pfx": "hidden-value",
    "ca.crt": "hidden-value",
    ".netrc": "hidden-value",
    ".npmrc": "hidden-value",
    ".pypirc": "hidden-value",
    ".aws/credentials": "hidden-value",
    "gcp-credentials-prod.json": '{"x": "hidden-value"}',
    "harmless.json": '{"private_key" : "hidden-value"}',
    "notes.txt": f"my key hidden-value\n{KEY}",
    "notes.bin": b"\x00\x01 hidden-value" + KEY.encode(),
}


@pytest.mark.parametrize("name", SECRETS)
def test_untracked_secrets_are_named_but_not_stored(project: Repository, tmp_path: Path, name: str) -> None:
    project.write({name: SECRETS[name], "other.py": "x"})

    dirty = _collected(project)
    write_artifacts(dirty, project.path, tmp_path / "artifacts")

    assert _reasons(dirty) == {name: "secret"}
    assert dirty.untracked == ("other.py",)
    assert b"hidden-value" not in gzip.decompress((tmp_path / "artifacts" / "untracked.tar.gz").read_bytes())
    assert f"{name}: secret" in (tmp_path / "artifacts" / "skipped.txt").read_text()


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("fate", ["changed", "deleted", "added"])
def test_tracked_secrets_are_not_in_the_patch(project: Repository, name: str, fate: str) -> None:
    content = SECRETS[name]
    if fate != "added":
        project.commit({name: content})
    if fate == "deleted":
        (project.path / name).unlink()
    elif fate == "changed":
        project.write({name: (content if isinstance(content, bytes) else content.encode()) + b" more"})
    else:
        project.write({name: content})
        project.git("add", "--force", name)
    project.write({"text.txt": "changed\n"})

    dirty = _collected(project)

    assert _reasons(dirty) == {name: "secret"}
    assert b"text.txt" in dirty.patch
    assert os.fsencode(name) not in dirty.patch
    assert b"hidden-value" not in dirty.patch


def test_a_key_that_was_taken_out_of_a_file_is_not_in_the_patch(project: Repository) -> None:
    project.commit({"notes.txt": f"text\n{KEY}"})
    project.write({"notes.txt": "text\n"})

    assert _collected(project).patch == b""
    assert _reasons(_collected(project)) == {"notes.txt": "secret"}


def test_what_becomes_a_secret_after_it_was_looked_at_is_not_stored(
    project: Repository, tmp_path: Path
) -> None:
    project.write({"a.txt": "harmless", "b.txt": "harmless", "c.txt": "harmless"})
    dirty = _collected(project)
    project.write({"a.txt": KEY})
    (project.path / "b.txt").unlink()

    write_artifacts(dirty, project.path, tmp_path / "artifacts")

    with tarfile.open(tmp_path / "artifacts" / "untracked.tar.gz") as tar:
        assert tar.getnames() == ["c.txt"]
    skipped = (tmp_path / "artifacts" / "skipped.txt").read_text()
    assert "a.txt: secret" in skipped
    assert "b.txt: unreadable" in skipped


def test_ignored_files_are_not_stored(project: Repository) -> None:
    project.commit({".gitignore": "*.log\ndata/\n"})
    project.write({"x.log": "x", "data/large": "x", "y.txt": "y"})

    assert _collected(project).untracked == ("y.txt",)


def test_files_over_the_limit_are_reported(project: Repository) -> None:
    project.write({"large": "x" * 2000, "small": "x", "text.txt": "y" * 2000})

    dirty = _collected(project, file_bytes=1000)

    assert dirty.untracked == ("small",)
    assert dirty.patch == b""
    assert set(_reasons(dirty)) == {"large", "text.txt"}
    assert all(reason.startswith("size limit: 2000 bytes") for reason in _reasons(dirty).values())


def test_a_removed_file_over_the_limit_is_reported(project: Repository) -> None:
    project.commit({"large": "x" * 2000})
    (project.path / "large").unlink()

    assert set(_reasons(_collected(project, file_bytes=1000))) == {"large"}


def test_everything_together_has_a_limit(project: Repository) -> None:
    project.write({f"f{number}": "x" * 600 for number in range(3)})

    dirty = _collected(project, total_bytes=1500)

    assert dirty.untracked == ("f0", "f1")
    assert set(_reasons(dirty)) == {"f2"}


def test_what_is_no_file_is_reported(project: Repository, tmp_path: Path) -> None:
    Repository.new(project.path / "nested")
    project.write({"unreadable": "x"})

    dirty = _collected(project)

    assert _reasons(dirty)["nested"] == "a git repository of its own"


def test_what_a_filter_keeps_outside_of_git_is_reported(project: Repository) -> None:
    project.git("config", "filter.lfs.clean", "printf pointer-; wc -c")
    project.commit({".gitattributes": "*.weights filter=lfs\n", "x.weights": "1"})
    project.write({"x.weights": "22", "text.txt": "changed\n"})

    dirty = _collected(project)

    assert _reasons(dirty) == {"x.weights": "its content is kept by lfs, not by git"}
    assert b"weights" not in dirty.patch


def test_a_clean_tree_is_not_dirty(project: Repository) -> None:
    assert collect(project.path) is None


def test_the_digest_tells_trees_apart(project: Repository) -> None:
    project.write({"new": "1"})
    first = _collected(project).digest
    assert _collected(project).digest == first

    seen = {first}
    for change in ({"new": "2"}, {"newer": "1"}, {"text.txt": "1"}, {".env": "x"}):
        project.write(change)
        seen.add(_collected(project).digest)
    (project.path / "new").chmod(0o755)
    seen.add(_collected(project).digest)

    assert len(seen) == 6


def test_artifacts_are_the_same_bytes_each_time(project: Repository, tmp_path: Path) -> None:
    project.write({"new": "1", "text.txt": "2", ".env": ""})
    dirty = _collected(project)

    first = write_artifacts(dirty, project.path, tmp_path / "one")
    os.utime(project.path / "new", (1, 1))
    second = write_artifacts(dirty, project.path, tmp_path / "two")

    assert [path.name for path in first] == ["dirty.patch", "untracked.tar.gz", "skipped.txt"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_only_what_has_something_to_say_is_written(project: Repository, tmp_path: Path) -> None:
    project.write({"text.txt": "2"})

    written = write_artifacts(_collected(project), project.path, tmp_path / "artifacts")

    assert [path.name for path in written] == ["dirty.patch"]
    assert sorted(path.name for path in (tmp_path / "artifacts").iterdir()) == ["dirty.patch"]


@pytest.fixture
def family(tmp_path: Path) -> Repository:
    """A repository whose submodule `libs/middle` has the submodule `leaf`."""
    leaf = Repository.new(tmp_path / "leaf", {"leaf.txt": "leaf\n"})
    middle = Repository.new(tmp_path / "middle", {"middle.txt": "middle\n"})
    middle.add_submodule(leaf.url, "leaf")
    top = Repository.new(tmp_path / "top", {"top.txt": "top\n"})
    top.add_submodule(middle.url, "libs/middle")
    allowed = ("-c", "protocol.file.allow=always")
    top.git(*allowed, "submodule", "--quiet", "update", "--init", "--recursive")
    return top


def test_changes_in_submodules_can_be_remade(family: Repository, tmp_path: Path) -> None:
    family.write(
        {
            "top.txt": "changed\n",
            "libs/middle/middle.txt": "changed\n",
            f"libs/middle/{NASTY}": "new",
            "libs/middle/leaf/leaf.txt": BINARY,
            "libs/middle/leaf/new.txt": "new",
            "libs/middle/leaf/.env": "hidden",
        }
    )
    dirty = collect(family.path)
    assert dirty is not None
    assert _reasons(dirty) == {"libs/middle/leaf/.env": "secret"}
    (family.path / "libs/middle/leaf/.env").unlink()

    assert tree(remade(family, tmp_path)) == tree(family.path)


def test_a_submodule_at_a_commit_that_was_never_pushed_can_be_remade(
    family: Repository, tmp_path: Path
) -> None:
    middle = Repository(family.path / "libs" / "middle")
    middle.commit({"middle.txt": "committed here only\n", "added.txt": "x\n"})
    middle.write({"middle.txt": "and changed since\n"})

    assert tree(remade(family, tmp_path)) == tree(family.path)


def test_dirty_submodules_make_the_run_dirty(family: Repository, fetcher: Fetcher) -> None:
    assert fetcher(str(family.path)).provenance.dirty is None

    family.write({"libs/middle/leaf/new.txt": "new"})

    dirty = fetcher(str(family.path)).provenance.dirty
    assert dirty is not None
    assert dirty.untracked == ("libs/middle/leaf/new.txt",)


def test_a_new_submodule_is_reported(project: Repository, tmp_path: Path) -> None:
    lib = Repository.new(tmp_path / "lib")
    project.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", lib.url, "lib")

    dirty = _collected(project)

    assert _reasons(dirty) == {"lib": "a submodule that the commit does not have"}
    assert b".gitmodules" in dirty.patch


def test_an_archive_that_leads_out_is_not_unpacked(project: Repository, tmp_path: Path) -> None:
    import io

    for number, name in enumerate(("../outside", "/outside", "way/outside", ".git/hooks/post-checkout")):
        folder = tmp_path / f"artifacts{number}"
        folder.mkdir()
        with tarfile.open(folder / "untracked.tar.gz", "w:gz") as tar:
            link = tarfile.TarInfo("way")
            link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
            if name.startswith("way"):
                tar.addfile(link)
            member = tarfile.TarInfo(name)
            member.size = 1
            tar.addfile(member, io.BytesIO(b"x"))

        with pytest.raises(SourceError, match="outside"):
            restore(project.path, folder)
    assert not (tmp_path / "outside").exists()


def test_a_patch_that_does_not_fit_is_said(project: Repository, tmp_path: Path) -> None:
    project.write({"text.txt": "changed\n"})
    write_artifacts(_collected(project), project.path, tmp_path / "artifacts")
    project.commit({"text.txt": "quite different\n"})

    with pytest.raises(SourceError, match="does not fit"):
        restore(project.path, tmp_path / "artifacts")
