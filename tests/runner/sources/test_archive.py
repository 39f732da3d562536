from __future__ import annotations

import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner.errors import SourceError
from runner.events import ignore
from runner.sources.archive import ArchiveLimits, fetch_archive
from runner.sources.download import download
from runner.sources.reference import parse
from runner.sources.working_copy import working_copy
from tests.runner.sources.repositories import NASTY, Fetcher, tree
from tests.runner.sources.serving import serving

SECRET = "s3cr3t"


def packed(path: Path, files: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def special(path: Path, name: str, kind: int) -> Path:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    return path


def test_a_local_archive_is_unpacked(fetcher: Fetcher, tmp_path: Path) -> None:
    archive = packed(tmp_path / f"{NASTY}.zip", {"MLproject": "name: x\n", f"data/{NASTY}": b"\x00\xff"})

    checkout = fetcher(str(archive))

    assert tree(checkout.directory) == {
        "MLproject": ("file", b"name: x\n"),
        f"data/{NASTY}": ("file", b"\x00\xff"),
    }
    assert checkout.provenance.source_name == str(archive)
    assert checkout.provenance.commit is None
    assert len(checkout.provenance.content_digest or "") == 64
    assert checkout.shared_root is not None


def test_the_single_folder_of_a_code_hosts_archive_is_entered(fetcher: Fetcher, tmp_path: Path) -> None:
    files = {"project-1.2/mlPROJECT": "", "project-1.2/sub/train.py": "x", "project-1.2/lib.py": "x"}
    archive = packed(tmp_path / "x.zip", files)

    assert fetcher(str(archive)).directory.name == "project-1.2"
    inner = fetcher(f"{archive}#sub")
    assert (inner.directory / "train.py").exists()
    copy = working_copy(inner, tmp_path / "work")
    assert (copy.directory / ".." / "lib.py").exists()
    assert fetcher(f"{archive}#project-1.2/sub").directory == inner.directory


def test_a_single_folder_that_is_no_project_is_not_entered(fetcher: Fetcher, tmp_path: Path) -> None:
    archive = packed(tmp_path / "x.zip", {"src/train.py": ""})

    assert (fetcher(str(archive)).directory / "src").is_dir()


def test_a_missing_subdirectory_is_an_error(fetcher: Fetcher, tmp_path: Path) -> None:
    archive = packed(tmp_path / "x.zip", {"training/train.py": "", "MLproject": ""})

    with pytest.raises(SourceError) as caught:
        fetcher(f"{archive}#trainin")

    assert caught.value.hint == "did you mean 'training'?"


def test_executable_files_stay_executable(fetcher: Fetcher, tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("run.sh")
    entry.create_system = 3
    entry.external_attr = (stat.S_IFREG | 0o4755) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(entry, "#!/bin/sh\n")

    mode = (fetcher(str(tmp_path / "x.zip")).directory / "run.sh").stat().st_mode

    assert mode & 0o111
    assert not mode & 0o7000


@pytest.mark.parametrize(
    "name",
    ["../outside", "/outside", "a/../../outside", "..\\outside", "C:/outside", "C:\\outside", "a/..", "/"],
)
def test_names_that_lead_out_are_refused(fetcher: Fetcher, tmp_path: Path, name: str) -> None:
    archive = packed(tmp_path / "x.zip", {"good": "", name: "x"})

    with pytest.raises(SourceError, match="leads out") as caught:
        fetcher(str(archive))

    assert repr(name) in str(caught.value)
    assert not list(tmp_path.rglob("outside"))
    assert fetcher.leftovers() == []


@pytest.mark.parametrize(
    ("kind", "word"), [(stat.S_IFLNK, "symbolic link"), (stat.S_IFIFO, "special"), (stat.S_IFBLK, "special")]
)
def test_links_and_devices_are_refused(fetcher: Fetcher, tmp_path: Path, kind: int, word: str) -> None:
    with pytest.raises(SourceError, match=word):
        fetcher(str(special(tmp_path / "x.zip", "entry", kind)))


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (ArchiveLimits(unpacked_bytes=100_000), "more than 100000 bytes"),
        (ArchiveLimits(harmless_bytes=10_000, ratio=20), "20 times its size"),
        (ArchiveLimits(entries=2), "more than 2 files"),
    ],
)
def test_bombs_are_refused(tmp_path: Path, limits: ArchiveLimits, message: str) -> None:
    archive = packed(tmp_path / "x.zip", {"a": b"\0" * 200_000, "b": "", "c": ""})

    with pytest.raises(SourceError, match=message):
        fetch_archive(
            parse(str(archive)),
            cache_root=tmp_path / "cache",
            listener=ignore,
            timeout_s=60,
            limits=limits,
        )

    assert list((tmp_path / "cache" / "sources" / "archives").glob("[!.]*")) == []


def test_sizes_in_the_headers_are_not_believed(tmp_path: Path) -> None:
    archive = packed(tmp_path / "x.zip", {"a": b"\0" * 200_000})
    lying = bytearray(archive.read_bytes())
    size = (200_000).to_bytes(4, "little")
    for _ in range(2):
        lying[lying.index(size) : lying.index(size) + 4] = (10).to_bytes(4, "little")
    archive.write_bytes(lying)

    with pytest.raises(SourceError):
        fetch_archive(
            parse(str(archive)),
            cache_root=tmp_path / "cache",
            listener=ignore,
            timeout_s=60,
            limits=ArchiveLimits(unpacked_bytes=1000),
        )


def test_a_name_that_is_there_twice_is_refused(fetcher: Fetcher, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", "2")

    with pytest.raises(SourceError, match="twice"):
        fetcher(str(tmp_path / "x.zip"))


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut short"])
def test_what_is_no_archive_is_said(fetcher: Fetcher, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)

    with pytest.raises(SourceError, match="not a zip"):
        fetcher(str(tmp_path / "x.zip"))


def test_a_damaged_entry_is_said(fetcher: Fetcher, tmp_path: Path) -> None:
    archive = packed(tmp_path / "x.zip", {"a": bytes(range(256)) * 20})
    content = bytearray(archive.read_bytes())
    content[60] ^= 0xFF
    archive.write_bytes(content)

    with pytest.raises(SourceError, match="not a zip"):
        fetcher(str(archive))
    assert fetcher.leftovers() == []


def test_equal_archives_are_unpacked_once_and_damage_is_repaired(fetcher: Fetcher, tmp_path: Path) -> None:
    one = packed(tmp_path / "one.zip", {"MLproject": "x"})
    (tmp_path / "two.zip").write_bytes(one.read_bytes())
    first = fetcher(str(one))
    place = (first.directory / "MLproject").stat().st_ino

    second = fetcher(str(tmp_path / "two.zip"))
    assert second.directory == first.directory
    assert (second.directory / "MLproject").stat().st_ino == place

    (first.directory / "MLproject").write_text("changed")
    assert (fetcher(str(one)).directory / "MLproject").read_text() == "x"


def test_an_archive_comes_over_http(fetcher: Fetcher, tmp_path: Path) -> None:
    packed(tmp_path / "x.zip", {"MLproject": "name: x\n"})
    with serving(tmp_path) as site:
        checkout = fetcher(site.url("x.zip?signature=s3cr3t"))

    assert (checkout.directory / "MLproject").exists()
    assert checkout.provenance.source_name == site.url("x.zip")
    assert fetcher.leftovers() == []


def test_credentials_of_a_url_are_used_and_not_shown(fetcher: Fetcher, tmp_path: Path) -> None:
    packed(tmp_path / "x.zip", {"MLproject": ""})
    with serving(tmp_path, password=SECRET) as site:
        checkout = fetcher(site.url("x.zip", f"me:{SECRET}@"))
        with pytest.raises(SourceError) as caught:
            fetcher(site.url("x.zip", f"me:wrong-{SECRET}@"))

    assert SECRET not in repr(checkout)
    assert SECRET not in f"{caught.value} {caught.value.ref}"
    assert "401" in str(caught.value)


def test_credentials_do_not_follow_a_redirect(fetcher: Fetcher, tmp_path: Path) -> None:
    packed(tmp_path / "x.zip", {"MLproject": ""})
    with serving(tmp_path) as elsewhere, serving(tmp_path) as site:
        site.redirects["/x.zip"] = elsewhere.url("x.zip")

        fetcher(site.url("x.zip", f"me:{SECRET}@"))

    assert elsewhere.requests == ["/x.zip"]
    assert elsewhere.authorised == []


def test_a_redirect_to_a_local_file_is_not_followed(fetcher: Fetcher, tmp_path: Path) -> None:
    packed(tmp_path / "x.zip", {"MLproject": ""})
    with serving(tmp_path / "nothing") as site:
        site.redirects["/x.zip"] = f"file://{tmp_path}/x.zip"

        with pytest.raises(SourceError):
            fetcher(site.url("x.zip"))


@pytest.mark.parametrize("scheme", ["file", "ftp", "data"])
def test_only_http_is_downloaded(tmp_path: Path, scheme: str) -> None:
    (tmp_path / "x").write_text("x")

    with pytest.raises(SourceError, match="neither an http nor an https"):
        download(f"{scheme}://{tmp_path}/x", tmp_path / "y", timeout_s=5, limit_bytes=10)
    assert not (tmp_path / "y").exists()


def test_a_missing_archive_is_named(fetcher: Fetcher, tmp_path: Path) -> None:
    with serving(tmp_path) as site, pytest.raises(SourceError) as caught:
        fetcher(site.url("nothing.zip"))

    assert site.url("nothing.zip") in str(caught.value)
    assert "404" in str(caught.value)


def test_a_host_that_is_not_there_is_named(fetcher: Fetcher) -> None:
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:9/x\.zip could not be downloaded"):
        fetcher("http://127.0.0.1:9/x.zip")


def test_a_download_that_is_too_large_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"x" * 100_000)
    with serving(tmp_path) as site, pytest.raises(SourceError, match="larger than 50000 bytes"):
        fetch_archive(
            parse(site.url("x.zip")),
            cache_root=tmp_path / "cache",
            listener=ignore,
            timeout_s=60,
            limits=ArchiveLimits(packed_bytes=50_000),
        )
