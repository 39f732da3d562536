"""Guards around every test: nothing real is touched, and nothing is left behind.

HOME and every directory derived from it point into the test's temporary directory, and TMPDIR to one of the
session's own, which is removed at its end; a test that leaves a process, an environment variable, another working
directory or a temporary file of ours fails.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

CI = os.environ.get("RUNNER_CI") == "1"
REPOSITORY = Path(__file__).resolve().parents[1]
_OURS = ("model-", "artifact", "table-", "replay-")
# The last is set by the first import of polars, whichever test that is in.
_VOLATILE = {"PYTEST_CURRENT_TEST", "PYTEST_VERSION", "_RJEM_MALLOC_CONF"}
_FAILED = pytest.StashKey[bool]()

# No verdict depends on how busy the machine is; in CI none on chance: what it draws, developers' machines find.
settings.register_profile(
    "runner", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=CI
)
settings.load_profile("runner")


def pytest_configure(config: pytest.Config) -> None:
    """Gives each process of the tests a temporary directory of its own, with a short path, for sockets."""
    own: Path
    if hasattr(config, "workerinput"):  # of xdist: within that of the session
        own = Path(os.environ["TMPDIR"], config.workerinput["workerid"])
        own.mkdir()
    else:
        # What pytest makes for tests stays where it is, for who wants to see why one failed.
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
        own = Path(tempfile.mkdtemp(prefix="t-"))
        config.add_cleanup(lambda: shutil.rmtree(own, ignore_errors=True))
    own.chmod(0o711)  # the databases' servers, which other users run, have their directories in it
    os.environ["TMPDIR"] = str(own)
    tempfile.tempdir = None  # to be looked up again


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """In CI everything is installed, so that a test that is skipped has failed."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's result, not typed for old hooks
    if CI and report.skipped and item.get_closest_marker("engine") is None:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    if report.failed:
        item.stash[_FAILED] = True


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """In CI a failure is printed when it happens: a job that is cut off has said why."""
    if CI and report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        print(
            f"\n{report.nodeid} failed in its {report.when}:\n{report.longreprtext}",
            file=sys.__stdout__,
            flush=True,
        )


@pytest.fixture(autouse=True)
def _own_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing reads or writes the home of whoever runs the tests, or inherits the run they are in."""
    home = tmp_path_factory.mktemp("home")
    # Not the fixture `monkeypatch`: a test's own changes must be undone before the guard looks.
    with pytest.MonkeyPatch.context() as monkeypatch:
        _set_up_home(home, monkeypatch)
        yield
    if not request.node.stash.get(_FAILED, False):
        shutil.rmtree(home, ignore_errors=True)  # environments are large


def _set_up_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in list(os.environ):
        if name.startswith(("MLFLOW_", "RUNNER_", "GIT_")) and name != "RUNNER_TEST_CACHE_DIR":
            monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A Tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.invalid")


@pytest.fixture(autouse=True)
def _nothing_left_behind(_own_home: None) -> Iterator[None]:
    """Fails a test that leaves a process, a temporary file of ours, a changed variable or working directory."""
    environ = {name: value for name, value in os.environ.items() if name not in _VOLATILE}
    cwd = Path.cwd()
    before = _marked_processes(os.environ["HOME"])
    files = _temporary_files()
    yield
    after = {name: value for name, value in os.environ.items() if name not in _VOLATILE}
    left = _marked_processes(os.environ["HOME"]) - before
    for process in left:
        _kill(process)
    assert after == environ
    assert Path.cwd() == cwd
    assert not _temporary_files() - files
    assert not left, f"left running: {[_command(process) for process in left]}"


def _temporary_files() -> set[str]:
    """What the client makes, which is in a directory that goes with the process: nothing may be beside it."""
    return {path.name for path in Path(tempfile.gettempdir()).iterdir() if path.name.startswith(_OURS)}


def _marked_processes(home: str) -> set[psutil.Process]:
    """The processes other than this one that were started under this test's home, however detached."""
    found = set()
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("HOME") == home:
                _reap_if_child(process)
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    found.add(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _reap_if_child(process: psutil.Process) -> None:
    try:
        process.wait(timeout=0.2)
    except (psutil.TimeoutExpired, ChildProcessError):
        return


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return "(gone)"


@pytest.fixture
def repository() -> Path:
    """The root of this repository."""
    return REPOSITORY
