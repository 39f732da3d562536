"""Runs of a worker whose server does not take them yet."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

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
    """Fails with `error` so many times, or always; `opens` says that it fails after the run was opened."""

    def __init__(
        self, error: RecordingError | ProvisionError, times: float = math.inf, *, opens: bool
    ) -> None:
        self.error = error
        self.times = times
        self.opens = opens
        self.asked = threading.Event()
        self.attempts = 0

    def perform(self, spec: RunSpec, stop: Stop, opened: Callable[[str], None]) -> Outcome:
        self.attempts += 1
        self.asked.set()
        if self.opens:
            opened("r")
        if self.attempts <= self.times:
            raise self.error
        return DONE


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_AGAIN_AFTER_S", 0.001)


def test_a_run_begins_when_the_server_is_back_and_the_wait_is_said_once() -> None:
    server = Server(recording_error(TransportError("nobody answers")), times=3, opens=False)
    said = list[str]()

    assert patient(server.perform, said.append)(SPEC, Stop(), lambda _: None) is DONE

    assert server.attempts == 4
    assert said == ["trials wait for the server before they begin: nobody answers"]


@pytest.mark.parametrize(
    "error",
    [
        recording_error(ApiError("no such experiment", status=404, code="RESOURCE_DOES_NOT_EXIST")),
        ProvisionError("no Python"),
    ],
)
def test_what_will_not_pass_is_raised_at_once(error: RecordingError | ProvisionError) -> None:
    server = Server(error, opens=False)
    with pytest.raises(type(error)):
        patient(server.perform, lambda _: None)(SPEC, Stop(), lambda _: None)
    assert server.attempts == 1


def test_a_run_that_was_opened_is_not_begun_again() -> None:
    server = Server(recording_error(TransportError("gone")), opens=True)
    with pytest.raises(RecordingError):
        patient(server.perform, lambda _: None)(SPEC, Stop(), lambda _: None)
    assert server.attempts == 1


def test_who_waits_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_AGAIN_AFTER_S", 60.0)
    server, stop = Server(recording_error(TransportError("away")), opens=False), Stop()

    def stop_it() -> None:
        server.asked.wait(30)
        stop.request()

    stopping = threading.Thread(target=stop_it)
    stopping.start()
    with pytest.raises(Stopped):
        patient(server.perform, lambda _: None)(SPEC, stop, lambda _: None)
    stopping.join(30)
