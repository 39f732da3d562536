"""Listings that lie and links that lead elsewhere: nothing is read or written outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_client.artifact_stores import transfers
from tracking_client.artifact_stores.directory import DirectoryRoot
from tracking_client.artifact_stores.names import base_name, contained
from tracking_client.artifact_stores.root import Moved, unheard
from tracking_client.errors import ArtifactError, InvalidArgument
from tracking_client.wire.entities import FileInfo


class _Lying:
    """A root that lists what it is told."""

    def __init__(self, entries: dict[str, list[FileInfo]]) -> None:
        self._entries = entries

    def put(self, local_path: Path, path: str, moved: Moved = unheard) -> None:
        raise NotImplementedError

    def entries(self, path: str) -> list[FileInfo]:
        return self._entries.get(path, self._entries.get("*", []))

    def get(self, path: str, local_path: Path, moved: Moved = unheard) -> None:
        local_path.parent.mkdir(parents=True, exist_ok=True)
        local_path.write_text("x")


@pytest.mark.parametrize("path", ["../up", "/etc/x", "a/../../up", "a\\b", "nul\0"])
def test_a_listing_leads_nowhere_else(tmp_path: Path, path: str) -> None:
    root = _Lying({"": [FileInfo(path, False, 1)]})
    with pytest.raises(InvalidArgument):
        transfers.download(root, "", tmp_path / "into")
    assert not (tmp_path / "up").exists()


def test_a_directory_in_itself_has_an_end(tmp_path: Path) -> None:
    class Endless(_Lying):
        def entries(self, path: str) -> list[FileInfo]:
            return [FileInfo(f"{path}/deeper".strip("/"), True, None)]

    with pytest.raises(ArtifactError, match="nested more than"):
        transfers.download(Endless({}), "", tmp_path)


def test_a_link_in_the_destination_does_not_lead_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "sub").symlink_to(tmp_path, target_is_directory=True)
    root = _Lying({"": [FileInfo("sub/file", False, 1)]})
    with pytest.raises(ArtifactError, match="leads out"):
        transfers.download(root, "", tmp_path / "into")
    assert not (tmp_path / "file").exists()


def test_a_destination_that_is_a_link_itself_is_the_users(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "into").symlink_to(tmp_path / "real", target_is_directory=True)
    transfers.download(_Lying({"": [FileInfo("file", False, 1)]}), "", tmp_path / "into")
    assert (tmp_path / "real" / "file").read_text() == "x"


def test_a_link_among_artifacts_leads_not_out_of_them(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "leak").symlink_to(tmp_path / "secret")
    (tmp_path / "root" / "fine").write_text("fine")
    (tmp_path / "root" / "alias").symlink_to(tmp_path / "root" / "fine")
    root = DirectoryRoot(tmp_path / "root")
    with pytest.raises(ArtifactError, match="leads out"):
        root.get("leak", tmp_path / "got")
    with pytest.raises(ArtifactError, match="leads out"):
        root.put(tmp_path / "secret", "leak")
    root.get("alias", tmp_path / "got")
    assert (tmp_path / "got").read_text() == "fine"
    assert sorted(os.listdir(tmp_path)) == ["got", "root", "secret"]


@given(st.text(max_size=40))
def test_whatever_a_path_is_it_stays_inside_or_is_refused(path: str) -> None:
    try:
        found = contained(Path("/no/such/place"), path)
    except (InvalidArgument, ArtifactError):
        return
    assert found == Path("/no/such/place") or Path("/no/such/place") in found.parents


@given(st.text(max_size=20))
def test_a_name_from_a_listing_is_one_file_name_or_refused(path: str) -> None:
    try:
        name = base_name(path)
    except ArtifactError:
        return
    assert name not in ("", ".", "..")
    assert not set(name) & set("/\\\0")
