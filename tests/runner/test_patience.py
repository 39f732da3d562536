"""Runs of a worker whose server does not take them yet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.errors import ProvisionError, RecordingError
from runner.model.run import Outcome, RunSpec, RunStatus
from runner.recording.failure import told_as_recording_error
from runner.stop import Stop, Stopped
from runner.worker import patience
from runner.worker.patience import patient
from tracking_client.errors import ApiError, TrackingError, TransportError

SPEC = RunSpec.__new__(RunSpec)  # nobody looks at it
DONE = Outcome(run_id="r", run_name="n", status=RunStatus.FINISHED, exit_code=0, seconds=0.0)


def recording_error(cause: TrackingError) -> RecordingError:
    with pytest.raises(RecordingError) as caught, told_as_recording_error("http://127.0.0.1:1"):
        raise cause
    return caught.value


class Server:
    """Takes a run when it is back, or fails in its own way."""

    def __init__(self, *errors: RecordingError | ProvisionError, opens: bool = False) -> None:
        self.errors = list(errors)
        self.opens = opens
        self.asked = threading.Semaphore(0)
        self.attempts = 0

    def perform(self, spec: RunSpec, stop: Stop, opened: Callable[[str], None]) -> Outcome:
        self.attempts += 1
        self.asked.release()
        if self.opens:
            opened("r")
        if self.errors:
            raise self.errors.pop(0) if len(self.errors) > 1 or self.opens else self.errors[0]
        return DONE


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_AGAIN_AFTER_S", 0.001)


def test_a_run_begins_when_the_server_is_back_and_the_wait_is_said_once() -> None:
    away = recording_error(TransportError("nobody answers"))
    server, said = Server(away, away, away, opens=False), list[str]()
    perform = patient(server.perform, said.append)

    threading.Timer(0.05, server.errors.clear).start()
    assert perform(SPEC, Stop(), lambda _: None) is DONE

    assert server.attempts > 1
    assert said == ["trials wait for the server before they begin: nobody answers"]


@pytest.mark.parametrize(
    "error",
    [
        recording_error(ApiError("no such experiment", status=404, code="RESOURCE_DOES_NOT_EXIST")),
        ProvisionError("no Python"),
    ],
)
def test_what_will_not_pass_is_raised_at_once(error: RecordingError | ProvisionError) -> None:
    server = Server(error)
    with pytest.raises(type(error)):
        patient(server.perform, lambda _: None)(SPEC, Stop(), lambda _: None)
    assert server.attempts == 1


def test_a_run_that_was_opened_is_not_begun_again() -> None:
    server = Server(recording_error(TransportError("gone")), opens=True)
    with pytest.raises(RecordingError):
        patient(server.perform, lambda _: None)(SPEC, Stop(), lambda _: None)
    assert server.attempts == 1


def test_who_waits_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_AGAIN_AFTER_S", 60.0)
    server, stop = Server(recording_error(TransportError("away"))), Stop()

    def stop_it() -> None:
        server.asked.acquire()
        stop.request()

    threading.Thread(target=stop_it).start()
    with pytest.raises(Stopped):
        patient(server.perform, lambda _: None)(SPEC, stop, lambda _: None)
