from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import RequestError
from runner.sources.reference import parse
from tests.runner.sources.repositories import NASTY, git


def test_a_directory_is_resolved(here: Path) -> None:
    (here / "project").mkdir()

    for uri in ("project", "./project", "project/", '"project"', "'project'", str(here / "project")):
        ref = parse(uri)
        assert (ref.kind, ref.location) == ("directory", str(here / "project"))
        assert (ref.subdirectory, ref.revision) == ("", None)


def test_dot_is_the_current_directory(here: Path) -> None:

    assert parse(".").location == str(here)


@pytest.mark.parametrize("name", [NASTY, "with space", "naïve-ünïcode", "percent%20", "new\nline"])
def test_a_file_url_of_a_directory_is_that_directory(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()

    assert parse(f"file://{folder}").location == str(folder)
    assert parse(folder.as_uri()).location == str(folder)


def test_a_local_directory_can_have_a_version(tmp_path: Path) -> None:
    assert parse(str(tmp_path), "v1").revision == "v1"


def test_a_bare_repository_is_a_git_source(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "bare.git")

    assert parse(str(tmp_path / "bare.git")).kind == "git"
    assert parse(f"file://{tmp_path}/bare.git").kind == "git"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/team/project",
        "https://example.org/team/project.git",
        "http://127.0.0.1:8000/project",
        "ssh://git@example.org:2222/team/project.git",
        "git+ssh://git@example.org/team/project.git",
        "git://example.org/project",
        "git@example.org:team/project.git",
        "git@example.org:project",
        "alias:team/project.git",
        "https://[::1]:8443/project",
    ],
)
def test_git_urls(url: str) -> None:
    ref = parse(f"{url}#sub/dir", "main")

    assert (ref.kind, ref.location, ref.display) == ("git", url, url)
    assert (ref.subdirectory, ref.revision) == ("sub/dir", "main")


@pytest.mark.parametrize(
    ("url", "display"),
    [
        ("https://user:s3cr3t-token@example.org/p.git", "https://example.org/p.git"),
        ("https://s3cr3t-token@example.org/p", "https://example.org/p"),
        ("https://user:s3cr3t@token@example.org/p", "https://example.org/p"),
        ("https://user:s3cr3t%2Ftoken@example.org/p", "https://example.org/p"),
        ("https://example.org/p.zip?signature=s3cr3t-token", "https://example.org/p.zip"),
        ("ssh://git:s3cr3t-token@example.org/p", "ssh://git@example.org/p"),
    ],
)
def test_credentials_are_neither_displayed_nor_in_repr(url: str, display: str) -> None:
    ref = parse(url)

    assert ref.display == display
    assert "s3cr3t" not in repr(ref)
    assert ref.location == url


@pytest.mark.parametrize(
    "url",
    [
        "https://user:s3cr3t/token@example.org/p",
        "https://user:s3cr3t#token@example.org/p",
        "https://user:s3cr3t%0atoken@example.org/p",
        "https://",
        "https:///path",
    ],
)
def test_an_invalid_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse(url)

    assert "s3cr3t" not in f"{caught.value} {caught.value.hint}"
    assert "token" not in f"{caught.value}"


@pytest.mark.parametrize("url", ["ext::sh -c touch% x", "ftp://example.org/x", "s3://bucket/x", "ext://x"])
def test_other_protocols_are_refused(url: str) -> None:
    with pytest.raises(RequestError):
        parse(url)


def test_archives(tmp_path: Path) -> None:
    (tmp_path / "project.ZIP").write_bytes(b"")

    assert parse(str(tmp_path / "project.ZIP")).kind == "archive"
    assert parse(f"file://{tmp_path}/project.ZIP#sub").subdirectory == "sub"
    assert parse("https://example.org/x.zip?download=1").kind == "archive"


def test_an_archive_has_no_version() -> None:
    with pytest.raises(RequestError, match="archive"):
        parse("https://example.org/x.zip", "v1")


def test_a_folder_called_like_an_archive_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x.zip").mkdir()

    assert parse(str(tmp_path / "x.zip")).kind == "directory"


def test_a_misspelt_path_is_not_handed_to_git(here: Path) -> None:
    (here / "examples" / "hyperparam").mkdir(parents=True)

    with pytest.raises(RequestError) as caught:
        parse("exmaples/hyperparam")

    assert "'exmaples/hyperparam'" in str(caught.value)
    assert caught.value.hint == "did you mean 'examples/hyperparam'?"


@pytest.mark.parametrize(
    "name", ["nowhere", "./nowhere.git", "../no/where", "no:where", "/no/where.zip", "~nobody"]
)
def test_a_path_that_is_not_there_is_named(here: Path, name: str) -> None:

    with pytest.raises(RequestError) as caught:
        parse(name)

    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("name", ["x" * 5000, "locked/inner", "a/" * 3000])
def test_a_path_that_cannot_be_looked_at_is_a_request_error(here: Path, name: str) -> None:
    (here / "locked").mkdir(mode=0)

    with pytest.raises(RequestError):
        parse(name)


@pytest.mark.parametrize(
    "uri", ["me:s3cr3t@example.org/p.git", "me:s3cr3t@example.org:p.git", "me:s3c/s3cr3t@h:p"]
)
def test_credentials_of_a_url_without_scheme_are_not_shown(here: Path, uri: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse(uri)

    assert "s3c" not in f"{caught.value} {caught.value.hint}"


def test_a_host_without_scheme_is_explained(here: Path) -> None:

    with pytest.raises(RequestError) as caught:
        parse("example.org/team/project")

    assert "https://example.org/team/project" in (caught.value.hint or "")


def test_a_file_is_not_a_project(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text("name: x\n")

    with pytest.raises(RequestError) as caught:
        parse(str(tmp_path / "MLproject"))

    assert str(tmp_path) in (caught.value.hint or "")


@pytest.mark.parametrize("subdirectory", ["proj.v2", "a/.hidden", "a/b.c/d", "...", "a#b", "with space"])
def test_dots_in_a_subdirectory_are_fine(tmp_path: Path, subdirectory: str) -> None:
    assert parse(f"{tmp_path}#{subdirectory}").subdirectory == subdirectory


@pytest.mark.parametrize(
    ("typed", "meant"), [("./a/", "a"), ("", ""), (".", ""), ("a//b", "a/b"), ("a/./b", "a/b")]
)
def test_a_subdirectory_is_normalised(tmp_path: Path, typed: str, meant: str) -> None:
    assert parse(f"{tmp_path}#{typed}").subdirectory == meant


@pytest.mark.parametrize("subdirectory", ["..", "../x", "a/../../x", "/etc", "a\\..\\x", "a\x00b"])
def test_a_subdirectory_cannot_leave_the_project(tmp_path: Path, subdirectory: str) -> None:
    with pytest.raises(RequestError):
        parse(f"{tmp_path}#{subdirectory}")


def test_a_directory_with_a_hash_in_its_name_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "take#2").mkdir()

    assert parse(str(tmp_path / "take#2")).location == str(tmp_path / "take#2")


@pytest.mark.parametrize(
    "version", ["", "-x", "--upload-pack=x", "a b", "a..b", "HEAD:file", "a\nb", "a\x00"]
)
def test_what_cannot_be_a_version_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(RequestError):
        parse(str(tmp_path), version)


@pytest.mark.parametrize("uri", ["", "  ", "''", '""'])
def test_an_empty_uri_is_refused(uri: str) -> None:
    with pytest.raises(RequestError):
        parse(uri)


@given(st.text(max_size=60))
def test_anything_is_either_a_reference_or_a_request_error(uri: str) -> None:
    try:
        ref = parse(uri)
    except RequestError:
        return
    assert ".." not in ref.subdirectory.split("/")
    assert not ref.subdirectory.startswith("/")


_USERINFO = st.text(
    st.characters(whitelist_categories=("L", "N"), whitelist_characters="-_.~!$&'()*+,;=%@"),
    min_size=8,
    max_size=20,
)


@given(user=_USERINFO, password=_USERINFO)
def test_no_credentials_are_shown_whatever_they_are(user: str, password: str) -> None:
    url = f"https://{user}:{password}@example.org/p.git"
    try:
        shown = repr(parse(url))
    except RequestError as error:
        shown = f"{error} {error.hint}"

    assert password not in shown
    assert user not in shown
