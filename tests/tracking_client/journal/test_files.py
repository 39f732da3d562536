"""Files that no server could be given: the journal keeps them, and they are sent in order, once, as they were."""

from __future__ import annotations

import io
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracking_client as tracking
from tests.small_disks import MakeDisk, small_disks
from tests.tracking_client.proxy import Proxy
from tests.tracking_client.scripts import Scripts
from tests.tracking_client.servers import wait_until
from tracking_client.client import TrackingClient
from tracking_client.errors import ApiError, TrackingError
from tracking_client.journal import entries, journals, shipper
from tracking_client.journal.file_sending import first_files
from tracking_client.journal.spool import REFUSED_FOLDER, Spool, all_in
from tracking_client.journal.syncing import sync
from tracking_client.journal_folder import JOURNAL_DIR, journal_folder
from tracking_client.local_server import LocalServer
from tracking_client.mlflow_client import MlflowClient

AWAY = ["refuse"] * 100_000


def answer(status: int, code: str) -> tuple[int, dict[str, str], bytes]:
    """A step of the proxy's plan."""
    return status, {}, json.dumps({"error_code": code, "message": f"the proxy says {status}"}).encode()


@pytest.fixture
def proxied(
    client: TrackingClient, server: LocalServer, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Proxy]:
    """The fluent functions talk to the server through the proxy, and outages are over at once."""
    del client  # its fixture sets the token
    monkeypatch.setattr(shipper, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(shipper, "LONGEST_PAUSE_S", 0.05)
    proxy.upstream = server.url
    tracking.set_tracking_uri(proxy.url)
    yield proxy
    proxy.plan.clear()
    tracking.end_run()
    journals.finish_all()


def _kept_files() -> list[Path]:
    return sorted(path for path in journal_folder().glob("*/files/*") if not path.name.endswith(".part"))


def _contents(client: TrackingClient, run_id: str, path: str = "") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in client.list_artifacts(run_id, path):
        if entry.is_dir:
            found |= _contents(client, run_id, entry.path)
        else:
            found[entry.path] = Path(client.download_artifacts(run_id, entry.path)).read_bytes()
    return found


def _uploads(proxy: Proxy) -> list[str]:
    return [path.rpartition("/artifacts/")[2] for path in proxy.paths() if path.startswith("PUT ")]


def test_whatever_is_logged_while_the_server_is_away_is_there_when_it_is_back(
    proxied: Proxy, client: TrackingClient, experiment_id: str, tmp_path: Path
) -> None:
    from matplotlib.figure import Figure

    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.bin").write_bytes(bytes(range(256)) * 40)
    (folder / "deep" / "empty").write_bytes(b"")
    with tracking.start_run(experiment_id=experiment_id) as run:
        run_id = run.info.run_id
        tracking.log_table({"step": [1]}, "rows.json")
        proxied.plan[:] = AWAY
        tracking.log_metric("m", 1.0)
        tracking.log_artifact(str(folder / "a.bin"), "in")
        tracking.log_artifacts(str(folder), "all")
        tracking.log_text("text", "t.txt")
        tracking.log_dict({"a": 1}, "d.json")
        tracking.log_stream(io.BytesIO(b"stream"), "s.bin")
        tracking.log_figure(Figure(), "f.png")
        tracking.log_image(np.zeros((4, 4, 3), dtype=np.uint8), "i.png")
        tracking.log_image(np.zeros((4, 4, 3), dtype=np.uint8), key="series", step=3)
        tracking.log_table({"step": [2]}, "rows.json")
        tracking.log_table({"step": [3]}, "rows.json")
        tracking.log_table({"step": [4]}, "new.json")
        assert len(_kept_files()) == 13
        proxied.plan.clear()
    found = _contents(client, run_id)
    assert found["in/a.bin"] == found["all/a.bin"] == bytes(range(256)) * 40
    assert found["all/deep/empty"] == b""
    assert (found["t.txt"], json.loads(found["d.json"]), found["s.bin"]) == (b"text", {"a": 1}, b"stream")
    assert found["f.png"][:4] == found["i.png"][:4] == b"\x89PNG"
    assert len([path for path in found if path.startswith("images/series")]) == 2
    assert json.loads(found["rows.json"]) == {"columns": ["step"], "data": [[1], [2], [3]]}
    assert json.loads(found["new.json"]) == {"columns": ["step"], "data": [[4]]}
    data = client.get_run(run_id).data
    noted = json.loads(data.tags["mlflow.loggedArtifacts"])
    assert [item["path"] for item in noted] == ["rows.json", "new.json"]
    assert data.metrics == {"m": 1.0}
    assert client.get_run(run_id).info.status == "FINISHED"
    journals.finish_all()
    assert list(journal_folder().iterdir()) == []


@pytest.mark.parametrize(
    "trouble", [answer(503, "TEMPORARILY_UNAVAILABLE"), answer(429, ""), answer(502, "")]
)
def test_a_server_that_has_trouble_costs_nothing_but_disk(
    trouble: Any, proxied: Proxy, client: TrackingClient, experiment_id: str
) -> None:
    with tracking.start_run(experiment_id=experiment_id) as run:
        proxied.plan[:] = [trouble] * 20
        tracking.log_text("one", "1.txt")
        tracking.log_text("two", "2.txt")
    wait_until(MlflowClient().flush, "the trouble is over")
    assert _contents(client, run.info.run_id) == {"1.txt": b"one", "2.txt": b"two"}


@pytest.mark.parametrize(
    "refusal",
    [
        answer(400, "INVALID_PARAMETER_VALUE"),
        answer(403, "PERMISSION_DENIED"),
        answer(404, "RESOURCE_DOES_NOT_EXIST"),
        answer(413, "BAD_REQUEST"),
    ],
)
def test_what_the_server_refuses_is_raised_by_the_call_and_not_kept(
    refusal: Any, proxied: Proxy, experiment_id: str
) -> None:
    with tracking.start_run(experiment_id=experiment_id):
        proxied.plan[:] = [refusal]
        with pytest.raises(ApiError, match="the proxy says"):
            tracking.log_text("text", "t.txt")
        assert _kept_files() == []


def test_a_file_that_is_not_there_is_an_error_whether_the_server_is_or_not_and_keeps_nothing(
    proxied: Proxy, client: TrackingClient, experiment_id: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("a")
    (tmp_path / "folder" / "b").symlink_to("nowhere")
    with tracking.start_run(experiment_id=experiment_id) as run:
        proxied.plan[:] = AWAY
        tracking.log_text("text", "t.txt")
        with pytest.raises(FileNotFoundError):
            tracking.log_artifact(str(tmp_path / "none"))
        with pytest.raises(FileNotFoundError):
            tracking.log_artifacts(str(tmp_path / "folder"))
        assert len(_kept_files()) == 1
        proxied.plan.clear()
    assert _contents(client, run.info.run_id) == {"t.txt": b"text"}


def test_what_is_sent_later_is_what_was_there_at_the_call(
    proxied: Proxy, client: TrackingClient, experiment_id: str, tmp_path: Path
) -> None:
    changed, removed = tmp_path / "changed", tmp_path / "removed"
    changed.write_text("before")
    removed.write_text("still here")
    with tracking.start_run(experiment_id=experiment_id) as run:
        proxied.plan[:] = AWAY
        tracking.log_artifact(str(changed))
        tracking.log_artifact(str(removed))
        with changed.open("r+") as file:
            file.write("AFTER!")
        removed.unlink()
        proxied.plan.clear()
    assert _contents(client, run.info.run_id) == {"changed": b"before", "removed": b"still here"}


def test_no_file_overtakes_an_older_one_of_its_name(
    proxied: Proxy, client: TrackingClient, experiment_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tracking.start_run(experiment_id=experiment_id) as run:
        for number in range(5):
            proxied.plan[:] = AWAY
            tracking.log_text(f"{number}, the server being away", "t.txt")
            proxied.plan.clear()
            tracking.log_text(f"{number}, the server being there", "t.txt")
        assert tracking.artifacts.load_text(f"runs:/{run.info.run_id}/t.txt") == "4, the server being there"
    assert _contents(client, run.info.run_id) == {"t.txt": b"4, the server being there"}


def test_reads_see_what_was_kept(proxied: Proxy, experiment_id: str) -> None:
    program = MlflowClient()
    reads: list[Callable[[str], list[str]]] = [
        lambda run_id: [entry.path for entry in program.list_artifacts(run_id)],
        lambda run_id: [entry.path for entry in tracking.artifacts.list_artifacts(run_id=run_id)],
        lambda run_id: [entry.path for entry in tracking.artifacts.list_artifacts(f"runs:/{run_id}")],
        lambda run_id: os.listdir(program.download_artifacts(run_id, "")),
        lambda run_id: os.listdir(tracking.artifacts.download_artifacts(f"runs:/{run_id}/")),
    ]
    for number, read in enumerate(reads):
        with tracking.start_run(experiment_id=experiment_id) as run:
            proxied.plan[:] = AWAY
            tracking.log_text("text", f"{number}.txt")
            proxied.plan.clear()
            assert read(run.info.run_id) == [f"{number}.txt"]
            assert _kept_files() == []


def test_a_file_reaches_the_server_before_the_end_of_its_run(
    proxied: Proxy, client: TrackingClient, experiment_id: str
) -> None:
    with tracking.start_run(experiment_id=experiment_id):
        proxied.plan[:] = AWAY
        tracking.log_param("before", 1)
        tracking.log_text("text", "t.txt")
        tracking.log_param("after", 1)
        proxied.requests.clear()
        proxied.plan.clear()
    done = [path.rpartition("/")[2] for path in proxied.paths() if not path.startswith("GET")]
    assert done[-4:] == ["log-batch", "t.txt", "log-batch", "update"]


def test_an_upload_that_breaks_off_in_the_middle_leaves_what_is_missing_only(
    proxied: Proxy, client: TrackingClient, experiment_id: str, tmp_path: Path
) -> None:
    for number in range(12):
        (tmp_path / f"{number:02}").write_text(str(number))
    with tracking.start_run(experiment_id=experiment_id) as run:
        proxied.requests.clear()
        proxied.plan[:] = ["pass"] * 5 + AWAY
        tracking.log_artifacts(str(tmp_path))
        assert 0 < len(_kept_files()) <= 7
        proxied.plan.clear()
    assert _contents(client, run.info.run_id) == {
        f"{number:02}": str(number).encode() for number in range(12)
    }


def test_a_picture_that_is_logged_synchronously_is_there_or_an_error_says_that_it_is_not(
    proxied: Proxy, client: TrackingClient, experiment_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_FLUSH_DEADLINE_S", "0.2")
    picture = np.zeros((4, 4, 3), dtype=np.uint8)
    with tracking.start_run(experiment_id=experiment_id) as run:
        proxied.plan[:] = AWAY
        with pytest.raises(TrackingError):
            tracking.log_image(picture, "i.png", synchronous=True)
        monkeypatch.setenv("RUNNER_FLUSH_DEADLINE_S", "20")
        proxied.plan.clear()
        tracking.log_image(picture, "j.png", synchronous=True)
        assert sorted(_contents(client, run.info.run_id)) == ["i.png", "j.png"]


_LOGS = """
import sys
import tracking_client as tracking
with tracking.start_run() as run:
    print(run.info.run_id, flush=True)
    sys.stdin.readline()
    for number in range(40):
        tracking.log_text(str(number), f"{number}.txt")
    print("logged", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("way", ["the flush at exit", "sync", "the next process"])
def test_what_a_program_kept_is_sent_whoever_sends_it(
    way: str, proxied: Proxy, client: TrackingClient, scripts: Scripts
) -> None:
    with scripts.start_fed(_LOGS, MLFLOW_TRACKING_URI=proxied.url) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        run_id = process.stdout.readline().strip()
        proxied.plan[:] = AWAY
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert process.stdout.readline() == "logged\n"
        if way == "the flush at exit":
            proxied.plan.clear()
        _, err = process.communicate("go on\n", timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    if way != "the flush at exit":
        (path,) = all_in(journal_folder())
        assert "1 values and 40 files (0.0 MB) are not sent yet" in err
        assert f"They are kept in {path}; send them with: runner sync" in err
        assert err.count("what is logged is kept in") <= 1
        proxied.requests.clear()
        proxied.plan.clear()
    if way == "sync":
        done = scripts.run(
            "from runner.cli.main import main; main()", "sync", MLFLOW_TRACKING_URI=proxied.url
        )
        assert done.returncode == 0, done.stderr
    elif way == "the next process":
        other = client.create_run("0").info.run_id
        MlflowClient().log_metric(other, "m", 1.0)
        wait_until(lambda: not path.exists(), "what the other program left is sent")
        journals.finish_all()
    expected = {f"{number}.txt": str(number).encode() for number in range(40)}
    assert _contents(client, run_id) == expected
    assert client.get_run(run_id).info.status == "FINISHED"
    assert list(journal_folder().iterdir()) == []
    if way != "the flush at exit":
        assert sorted(_uploads(proxied)) == sorted(expected)


def test_without_a_server_sync_keeps_the_files_and_with_another_one_it_sends_none_without_its_run(
    proxied: Proxy, client: TrackingClient, server: LocalServer, scripts: Scripts
) -> None:
    (path,) = _left(proxied.url, "0" * 32, [("a.txt", b"a")])
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for arguments in ([], ["--to", server.url]):
            proxied.plan[:] = AWAY
            done = scripts.run(
                "from runner.cli.main import main; main()",
                "sync",
                *arguments,
                MLFLOW_TRACKING_URI=proxied.url,
                RUNNER_HTTP_DEADLINE_S="1",
            )
            assert done.returncode == 3, done.stdout
            assert path.read_bytes() == b"a"


def _left(uri: str, owner_id: str, files: list[tuple[str, bytes]], *more: bytes) -> list[Path]:
    """What a program that died kept: its files in its journal, and further lines."""
    spool = Spool.create(journal_folder(), uri)
    descriptor = spool.new_segment()
    copies = []
    for path, content in files:
        source = spool.path / "source"
        source.write_bytes(content)
        copy = spool.files.keep(source)
        source.unlink()
        copies.append(spool.files.path(copy.name))
        os.write(descriptor, entries.file_line(entries.FILE, owner_id, path, copy.name, copy.size_bytes))
    os.write(descriptor, b"".join(more))
    os.close(descriptor)
    spool.leave()
    return copies


def _synced(uri: str) -> Any:
    from tracking_client.transport import transport_for

    (path,) = all_in(journal_folder())
    return sync(path, transport_for(uri))


def test_a_file_that_the_server_will_never_take_is_put_aside_and_those_around_it_arrive(
    client: TrackingClient, server: LocalServer, experiment_id: str
) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    _, missing, _ = _left(server.url, run_id, [("a", b"a"), ("gone", b"gone"), ("c", b"c")])
    missing.unlink()
    (nobodys,) = (entries.file_line(entries.FILE, run_id, "../../outside", "../../lock", 1),)
    (journal,) = all_in(journal_folder())
    with (journal / "1.log").open("ab") as segment:
        segment.write(nobodys)
        segment.write(entries.file_line(entries.FILE, run_id, "d", "../lock", 1))
        segment.write(entries.line(entries.PARAM, run_id, {"key": "p", "value": "1"}))
    done = _synced(server.url)
    assert done.failure is None
    assert [refusal.entry.kind for refusal in done.refused] == [entries.FILE] * 3
    assert _contents(client, run_id) == {"a": b"a", "c": b"c"}
    assert client.get_run(run_id).data.params == {"p": "1"}
    assert all_in(journal_folder()) == []


def test_the_files_of_a_run_that_is_no_more_are_put_aside(
    client: TrackingClient, server: LocalServer, experiment_id: str
) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    (copy,) = _left(server.url, "0" * 32, [("a", b"content")])
    (journal,) = all_in(journal_folder())
    with (journal / "1.log").open("ab") as segment:
        segment.write(entries.line(entries.PARAM, run_id, {"key": "p", "value": "1"}))
    done = _synced(server.url)
    assert [refusal.entry.run_id for refusal in done.refused] == ["0" * 32]
    kept = journal_folder() / REFUSED_FOLDER
    assert (kept / journal.name / copy.name).read_bytes() == b"content"
    told = json.loads((kept / f"{journal.name}.jsonl").read_text())
    assert (told["kind"], told["entry"]["path"]) == ("f", "a")
    assert client.get_run(run_id).data.params == {"p": "1"}


def test_a_file_for_which_the_server_always_fails_does_not_hold_up_what_follows(
    proxied: Proxy, client: TrackingClient, experiment_id: str, capfd: pytest.CaptureFixture[str]
) -> None:
    class Poison(list[str]):
        def __bool__(self) -> bool:
            return True

        def pop(self, _index: object = 0) -> object:  # type: ignore[override]  # steps of other kinds, too
            is_poison = proxied.requests[-1][1].endswith("poison.txt")
            return answer(500, "INTERNAL_ERROR") if is_poison else "pass"

    with tracking.start_run(experiment_id=experiment_id) as run:
        proxied.plan = Poison()
        tracking.log_text("poison", "poison.txt")
        tracking.log_text("text", "t.txt")
        tracking.log_param("p", 1)
        refusals: list[ApiError] = []

        def is_refused() -> bool:
            try:
                tracking.flush_async_logging()
            except ApiError as error:
                refusals.append(error)
            return not _kept_files()

        wait_until(is_refused, "the file is put aside")
        proxied.plan = []
    assert "the tracking server refuses a file" in capfd.readouterr().err
    assert _contents(client, run.info.run_id) == {"t.txt": b"text"}
    assert client.get_run(run.info.run_id).data.params == {"p": "1"}
    assert [path.read_bytes() for path in journal_folder().glob(f"{REFUSED_FOLDER}/*/*")] == [b"poison"]


def test_a_journal_that_is_full_loses_files_and_says_so_and_keeps_room_for_values(
    proxied: Proxy,
    client: TrackingClient,
    experiment_id: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RUNNER_JOURNAL_MAX_MB", "1")
    with tracking.start_run(experiment_id=experiment_id) as run:
        proxied.plan[:] = AWAY
        for number in range(3):
            tracking.log_text("x" * 400_000, f"{number}.txt")
        tracking.log_metric("m", 1.0)
        said = capfd.readouterr().err
        assert f"2.txt is lost, of run {run.info.run_id}" in said
        proxied.plan.clear()
    assert sorted(_contents(client, run.info.run_id)) == ["0.txt", "1.txt"]
    assert client.get_run(run.info.run_id).data.metrics == {"m": 1.0}
    journals.finish_all()
    assert "1 values were lost" in capfd.readouterr().err


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[MakeDisk]:
    with small_disks(tmp_path) as make:
        yield make


def test_where_copies_have_room_and_their_lines_have_none_each_lost_file_is_counted_once_and_leaves_nothing(
    proxied: Proxy,
    disk: MakeDisk,
    client: TrackingClient,
    experiment_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    place = disk(512)
    monkeypatch.setenv(JOURNAL_DIR, str(place / "journals"))
    logged = tmp_path / "logged" / ("d" * 200) / ("e" * 200)
    logged.mkdir(parents=True)
    for number in range(20):
        (logged / f"{number:02}").write_bytes(b"x" * 100)
    with tracking.start_run(experiment_id=experiment_id) as run:
        proxied.plan[:] = AWAY
        tracking.log_text("first", "first.txt")
        filler = place / "filler"
        with filler.open("wb", buffering=0) as file:
            while os.statvfs(place).f_bavail > 21:  # a block for each copy, and one for the lines
                file.write(b"x" * os.statvfs(place).f_bsize)
        tracking.log_artifacts(str(tmp_path / "logged"))
        said = capfd.readouterr().err
        kept = len(_kept_files())
        filler.unlink()
        proxied.plan.clear()
        assert 1 < kept < 21
        assert "lost, of run" in said
    contents = _contents(client, run.info.run_id)
    assert len(contents) == kept
    assert contents["first.txt"] == b"first"
    assert set(contents.values()) == {b"first", b"x" * 100}
    journals.finish_all()
    assert f"{21 - kept} values were lost" in capfd.readouterr().err
    assert all_in(place / "journals") == []


def test_the_files_of_a_logged_model_wait_too_and_it_is_ready_only_with_them(
    proxied: Proxy, client: TrackingClient, experiment_id: str, tmp_path: Path
) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "weights").write_bytes(b"w" * 1000)
    with tracking.start_run(experiment_id=experiment_id):
        program = MlflowClient()
        made = program.create_logged_model(experiment_id, name="net")
        proxied.plan[:] = AWAY
        program.log_model_artifacts(made.model_id, tmp_path)
        final = program.finalize_logged_model(made.model_id, "READY")
        assert str(final.status) == "READY"
        assert client.get_logged_model(made.model_id).status == "PENDING"
        proxied.plan.clear()
        assert str(tracking.get_logged_model(made.model_id).status) == "READY"
        into = Path(program.download_logged_model_artifacts(made.model_id, dst_path=tmp_path / "into"))
        assert (into / "data" / "weights").read_bytes() == b"w" * 1000
        assert (into / "MLmodel").read_text() == "flavors: {}\n"


def test_several_threads_keep_files_while_the_server_comes_and_goes(
    proxied: Proxy, client: TrackingClient, experiment_id: str
) -> None:
    with tracking.start_run(experiment_id=experiment_id) as run:

        def log(thread: int) -> None:
            for number in range(20):
                run.client.log_text(run.info.run_id, f"{thread} {number}", f"{thread}/{number}.txt")

        threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            proxied.plan[:] = ["refuse"] * 3
            threads[0].join(0.02)
            proxied.plan.clear()
            threads[0].join(0.02)
    wait_until(MlflowClient().flush, "all is sent")
    found = _contents(client, run.info.run_id)
    assert found == {
        f"{thread}/{number}.txt": f"{thread} {number}".encode() for thread in range(4) for number in range(20)
    }


def test_a_journal_of_the_format_without_files_is_still_read(
    client: TrackingClient, server: LocalServer, experiment_id: str
) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    _left(server.url, run_id, [], entries.line(entries.PARAM, run_id, {"key": "p", "value": "1"}))
    (journal,) = all_in(journal_folder())
    about = json.loads((journal / "about.json").read_text())
    assert about["format"] == 2
    (journal / "about.json").write_text(json.dumps({**about, "format": 1}))
    assert _synced(server.url).shipped == 1
    assert client.get_run(run_id).data.params == {"p": "1"}


_LINES = st.lists(
    st.one_of(
        st.just(b'm\tabc\t{"key":"m","value":1.0,"timestamp":1,"step":1}\n'),
        st.just(b"torn\n"),
        st.integers(0, 1 << 26).map(
            lambda size: entries.file_line(entries.FILE, "abc", "some\npath", "0" * 32, size)
        ),
        st.just(entries.file_line(entries.MODEL_FILE, "m-1", "p", "1" * 32, 1)),
    ),
    min_size=1,
    max_size=80,
)


@given(_LINES)
def test_lines_are_taken_in_portions_that_hold_either_files_or_none(lines: list[bytes]) -> None:
    text, portions = b"".join(lines), []
    while text:
        portion = first_files(text)
        portions.append(portion)
        assert portion
        assert text.startswith(portion)
        text = text[len(portion) :]
    assert b"".join(portions) == b"".join(lines)
    for portion in portions:
        kinds = {entry.kind in entries.FILES for entry in entries.read(portion) if entry is not None}
        assert len(kinds) <= 1
        assert portion.endswith(b"\n")
