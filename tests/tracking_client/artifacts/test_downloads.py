"""Downloads over a wire that breaks, by processes that are killed, of files that change."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking_client import mlflow_server
from tests.tracking_client.artifacts.breaking_wire import BreakingWire, running_wire
from tests.tracking_client.proxy import Proxy
from tests.tracking_client.scripts import Scripts
from tracking_client.artifact_stores import parts, ranged, transfers
from tracking_client.artifact_stores.checksums import Checksum, StoredFile, digest
from tracking_client.artifact_stores.partial_file import PartialFile
from tracking_client.artifact_stores.proxied import ProxiedRoot
from tracking_client.artifact_stores.ranged import BrokenOff, Changed, Take
from tracking_client.artifact_stores.root import unheard
from tracking_client.client import TrackingClient
from tracking_client.connection import Patience
from tracking_client.errors import ArtifactError, InvalidArgument
from tracking_client.tracking_uri import RemoteServer
from tracking_client.transport import Transport

MIB = 1 << 20
pytestmark = pytest.mark.usefixtures("small_parts")


@pytest.fixture
def run_id(client: TrackingClient, experiment_id: str) -> str:
    return client.create_run(experiment_id).info.run_id


def _over(url: str, run_id: str, client: TrackingClient) -> ProxiedRoot:
    """The run's artifacts as a client that goes through `url` sees them."""
    root = client.artifact_root(run_id)
    assert isinstance(root, ProxiedRoot)
    transport = Transport(RemoteServer(url=url), patience=Patience(first_pause_s=0.01))
    return ProxiedRoot(root._prefix, transport)


def _stored(client: TrackingClient, run_id: str, size_bytes: int, directory: Path) -> bytes:
    data = os.urandom(size_bytes)
    (directory / "file.bin").write_bytes(data)
    client.log_artifact(run_id, directory / "file.bin")
    return data


@pytest.mark.parametrize("size_bytes", [0, 1, 700_000, MIB, MIB + 1, 2 * MIB, 7 * MIB + 3])
def test_every_size_arrives_whole(
    client: TrackingClient, run_id: str, tmp_path: Path, size_bytes: int
) -> None:
    data = _stored(client, run_id, size_bytes, tmp_path)
    moved: list[int] = []
    client.artifact_root(run_id).get("file.bin", tmp_path / "got" / "file.bin", moved.append)
    assert (tmp_path / "got" / "file.bin").read_bytes() == data
    assert os.listdir(tmp_path / "got") == ["file.bin"]
    assert sum(moved) == size_bytes


@pytest.mark.parametrize("size_bytes", [MIB - 1, 12 * MIB])
def test_a_download_that_breaks_goes_on_where_it_was(
    client: TrackingClient, run_id: str, tmp_path: Path, wire: BreakingWire, size_bytes: int
) -> None:
    data = _stored(client, run_id, size_bytes, tmp_path)
    wire.downstream = [300_000, 500_000, 200_000, 450_000]
    moved: list[int] = []
    _over(wire.url, run_id, client).get("file.bin", tmp_path / "got", moved.append)
    assert (tmp_path / "got").read_bytes() == data
    assert wire.broken >= 2
    assert sum(moved) == size_bytes
    # A wire's buffers may hold what nobody read; from the start it would be several times the size.
    assert wire.answered_bytes < size_bytes + 1_000_000


def _nothing_but_headers(proxy: Proxy) -> ProxiedRoot:
    """A root whose server promises a file and breaks off, again and again."""
    headers = {"Content-Range": "bytes 0-99/100", "ETag": '"x"', "Content-Length": "100"}
    proxy.plan = [(206, headers, b"")] * 20
    return ProxiedRoot("r", Transport(RemoteServer(url=proxy.url), patience=Patience(first_pause_s=0.01)))


def test_a_wire_on_which_nothing_comes_any_more_is_given_up(proxy: Proxy, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="broke off 5 times in a row"):
        _nothing_but_headers(proxy).get("file.bin", tmp_path / "got" / "file.bin")
    assert os.listdir(tmp_path / "got") == []


KILLED = """
import os, sys
from pathlib import Path
from tracking_client.client import TrackingClient
run_id, target = sys.argv[1:]
total = 0
def moved(size_bytes):
    global total
    total += size_bytes
    if total > 12 << 20:
        os.kill(os.getpid(), 9)
TrackingClient().artifact_root(run_id).get("file.bin", Path(target), moved)
"""


def test_a_killed_download_is_gone_on_with_by_the_next_process(
    client: TrackingClient, run_id: str, tmp_path: Path, scripts: Scripts, wire: BreakingWire
) -> None:
    data = _stored(client, run_id, 20 * MIB, tmp_path)
    target = tmp_path / "got" / "file.bin"
    done = scripts.run(KILLED, run_id, str(target))
    assert done.returncode == -9, done.stderr
    assert not target.exists()
    moved: list[int] = []
    _over(wire.url, run_id, client).get("file.bin", target, moved.append)
    assert target.read_bytes() == data
    assert os.listdir(target.parent) == ["file.bin"]
    assert sum(moved) == len(data)
    assert wire.answered_bytes < 14 * MIB


def test_a_file_that_changed_meanwhile_is_fetched_anew(
    client: TrackingClient, run_id: str, tmp_path: Path, scripts: Scripts
) -> None:
    _stored(client, run_id, 20 * MIB, tmp_path)
    target = tmp_path / "got" / "file.bin"
    assert scripts.run(KILLED, run_id, str(target)).returncode == -9
    changed = _stored(client, run_id, 20 * MIB, tmp_path)
    client.artifact_root(run_id).get("file.bin", target)
    assert target.read_bytes() == changed


def test_a_file_that_changes_while_it_comes_is_the_new_one_whole(
    client: TrackingClient, run_id: str, tmp_path: Path
) -> None:
    _stored(client, run_id, 20 * MIB, tmp_path)
    changed: list[bytes] = []

    def moved(size_bytes: int) -> None:
        if not changed:
            changed.append(b"")
            changed.append(_stored(client, run_id, 10 * MIB, tmp_path))

    client.artifact_root(run_id).get("file.bin", tmp_path / "got", moved)
    assert (tmp_path / "got").read_bytes() == changed[1]


def test_two_processes_that_fetch_to_one_place_do_not_disturb_each_other(
    client: TrackingClient, run_id: str, tmp_path: Path, scripts: Scripts
) -> None:
    data = _stored(client, run_id, 10 * MIB, tmp_path)
    target = tmp_path / "got" / "file.bin"
    waiting = """
import sys
from pathlib import Path
from tracking_client.client import TrackingClient
run_id, target = sys.argv[1:]
asked = False
def moved(size_bytes):
    global asked
    if not asked:
        asked = True
        print("begun", flush=True)
        sys.stdin.readline()
TrackingClient().artifact_root(run_id).get("file.bin", Path(target), moved)
"""
    import subprocess
    import sys

    with subprocess.Popen(
        [sys.executable, "-c", waiting, run_id, str(target)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "begun\n"
        client.artifact_root(run_id).get("file.bin", target)
        assert target.read_bytes() == data
        other.communicate("go on\n", timeout=30)
    assert other.returncode == 0
    assert target.read_bytes() == data
    assert os.listdir(target.parent) == ["file.bin"]


def test_what_was_fetched_in_vain_is_removed_from_a_place_of_our_own(
    proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    root = _nothing_but_headers(proxy)
    proxy.plan.insert(0, (200, {}, b"{}"))  # the listing
    with pytest.raises(ArtifactError):
        transfers.fetched(root, "file.bin", None)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(mlflow_server.COMMAND is None, reason="the mlflow command is not installed")
def test_a_download_from_mlflows_server_goes_on_where_it_broke(mlflow_url: str, tmp_path: Path) -> None:
    with running_wire(mlflow_url) as wire:
        client = TrackingClient(wire.url, transport=Transport(RemoteServer(url=wire.url)))
        experiment_id = client.create_experiment(f"breaks {os.urandom(4).hex()}")
        run_id = client.create_run(experiment_id).info.run_id
        data = _stored(client, run_id, 8 * MIB, tmp_path)
        client.log_text(run_id, "", "empty")
        root = client.artifact_root(run_id)
        client.transport.close()
        wire.downstream = [700_000]
        moved: list[int] = []
        root.get("file.bin", tmp_path / "got", moved.append)
        assert (tmp_path / "got").read_bytes() == data
        assert sum(moved) == len(data)
        assert wire.broken == 1
        assert wire.answered_bytes < len(data) + MIB
        root.get("empty", tmp_path / "empty")
        assert (tmp_path / "empty").read_bytes() == b""


PEAK = """
import resource, sys
from pathlib import Path
from tracking_client.client import TrackingClient
run_id, path, into = sys.argv[1:]
client = TrackingClient()
client.log_text(run_id, "x", "warm")
client.download_artifacts(run_id, "warm", into)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
client.log_artifact(run_id, path)
client.download_artifacts(run_id, Path(path).name, into)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_file_of_200_mb_takes_little_memory(
    client: TrackingClient, run_id: str, tmp_path: Path, scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (parts.UPLOAD_FROM, parts.UPLOAD_PART, parts.DOWNLOAD_FROM, parts.DOWNLOAD_PART):
        monkeypatch.delenv(name)
    block = os.urandom(MIB)
    with (tmp_path / "huge.bin").open("wb") as huge:
        for _ in range(200):
            huge.write(block)
    done = scripts.run(PEAK, run_id, str(tmp_path / "huge.bin"), str(tmp_path / "got"))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 40 * 1024, "kB more than for one byte"
    assert digest(tmp_path / "got" / "huge.bin", "md5") == digest(tmp_path / "huge.bin", "md5")


class _Recorded:
    """A source in memory, which breaks off at random places and may lie once."""

    def __init__(self, data: bytes, breaks: list[int], checksum: Checksum | None = None) -> None:
        self.data = data
        self.stored = StoredFile(size_bytes=len(data), version="1", checksum=checksum)
        self.breaks = breaks
        self.streamed_bytes = 0

    def stream(self, start: int, end: int, take: Take) -> None:
        comes = self.breaks.pop() if self.breaks else end - start
        piece = self.data[start : min(end, start + comes)]
        self.streamed_bytes += len(piece)
        take(piece)
        if len(piece) < end - start:
            raise BrokenOff


@settings(max_examples=60)
@given(
    done=st.sets(st.integers(1, 6)),
    spoiled=st.sets(st.integers(1, 6)),
    cut=st.integers(0, 12),
    breaks=st.lists(st.integers(1, 200_000), max_size=20),
)
def test_whatever_is_left_of_a_partial_file_the_whole_is_right(
    tmp_path_factory: pytest.TempPathFactory, done: set[int], spoiled: set[int], cut: int, breaks: list[int]
) -> None:
    data = os.urandom(2 * MIB) + bytes(range(256)) * 17
    source = _Recorded(data, breaks)
    target = tmp_path_factory.mktemp("partial") / "file"
    pieces = parts.split(len(data), 400_000)
    left = PartialFile(target, source.stored, pieces)
    for part in pieces:
        if part.number in done:
            piece = data[part.start : part.end]
            left.write_at(part.start, b"\1" * len(piece) if part.number in spoiled else piece)
            left.note(part, zlib.crc32(piece))
    left.close()
    notes = target.with_name(".file.part.done")
    notes.write_bytes(notes.read_bytes()[: len(notes.read_bytes()) - cut])
    came = PartialFile(target, source.stored, pieces)
    assert {part.number for part in pieces} - {part.number for part in came.missing} <= done - spoiled
    for part in came.missing:
        ranged._fetch_part(source, came, part, unheard, "file")
    came.finish()
    came.close()
    assert target.read_bytes() == data
    assert os.listdir(target.parent) == ["file"]


def test_a_file_that_arrives_otherwise_than_its_checksum_says_does_not_appear(tmp_path: Path) -> None:
    for size_bytes in (1000, 3 * MIB):
        data = os.urandom(size_bytes)
        source = _Recorded(data, [], Checksum("md5", b"another"))
        with pytest.raises(ArtifactError, match="md5 differs"):
            ranged.fetch(source, tmp_path / "into" / "file", unheard, what="file")
        assert os.listdir(tmp_path / "into") == []


def test_more_than_was_asked_for_is_refused(tmp_path: Path) -> None:
    class Generous(_Recorded):
        def stream(self, start: int, end: int, take: Take) -> None:
            take(self.data + b"more")

    with pytest.raises(ArtifactError, match="more of file was sent"):
        ranged.fetch(Generous(b"x" * 10, []), tmp_path / "file", unheard, what="file")
    assert os.listdir(tmp_path) == []


def test_a_source_that_changed_leaves_nothing(tmp_path: Path) -> None:
    class Other(_Recorded):
        def stream(self, start: int, end: int, take: Take) -> None:
            raise Changed

    with pytest.raises(Changed):
        ranged.fetch(Other(os.urandom(3 * MIB), []), tmp_path / "file", unheard, what="file")
    assert os.listdir(tmp_path) == []


@given(st.integers(0, 10**13), st.integers(1, 10**9))
def test_parts_cover_a_file_without_gap_or_overlap(size_bytes: int, part_bytes: int) -> None:
    pieces = parts.split(size_bytes, part_bytes)
    assert 1 <= len(pieces) <= parts.MAX_PARTS
    assert [part.number for part in pieces] == list(range(1, len(pieces) + 1))
    assert pieces[0].start == 0
    assert pieces[-1].end == size_bytes
    assert all(one.end == other.start for one, other in zip(pieces, pieces[1:], strict=False))
    assert len({part.size_bytes for part in pieces[:-1]}) <= 1


def test_a_size_that_is_none_says_which_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(parts.UPLOAD_PART, "10 MB")
    with pytest.raises(InvalidArgument, match=parts.UPLOAD_PART):
        parts.of_upload(10)


def test_what_a_dead_process_held_is_free(tmp_path: Path) -> None:
    stored = StoredFile(size_bytes=2 * MIB, version="1")
    pieces = parts.split(2 * MIB, MIB)
    child = os.fork()
    if child == 0:
        PartialFile(tmp_path / "file", stored, pieces).note(pieces[0], zlib.crc32(b"\0" * MIB))
        os._exit(0)
    os.waitpid(child, 0)
    left = PartialFile(tmp_path / "file", stored, pieces)
    assert left.missing == [pieces[1]]
    left.close()
