"""`python -m runner.worker FOLDER READY_FD`: started by `runner.executors.hosted`, never by hand."""

from __future__ import annotations

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runner.assemble import assemble, working_directory
from runner.executors.worker_folder import WorkerFolder
from runner.lease import STALE_AFTER_S, Lease
from runner.recording.lost_runs import close_lost_runs
from runner.sources.spare_copies import SpareCopies
from runner.sources.working_copy import working_copies
from runner.warm.guardians import Guardians
from runner.warm.templates import Templates
from runner.worker.host import Host
from runner.worker.patience import patient

_CONNECT_S = 5.0
_LOOK_S = 0.05
_LONGER_S = 5.0
_LOST_RUNS_S = 5.0
_BESIDE_AT_ONCE = 16  # threads, made when needed: each may wait for a server that is away


def main(arguments: list[str]) -> int:
    """Serves until there is nothing left to do; does nothing where another worker is at work there."""
    folder, ready_fd = WorkerFolder(Path(arguments[0])), int(arguments[1])
    with folder.lease as mine:
        if not _is_taken(mine, folder):
            return 0
        host = Host(folder)
        workshop = assemble(dict(os.environ), listener=host.hear, cwd=working_directory())
        signal.signal(signal.SIGTERM, lambda *_: host.stop_all())
        with (
            folder.listen() as listening,
            ThreadPoolExecutor(_BESIDE_AT_ONCE, thread_name_prefix="runner-beside") as beside,
            SpareCopies(working_copies(workshop.settings.state_dir), beside.submit) as spare_copies,
            Guardians() as guardians,
            Templates(say=host.say, cold=guardians.run_program) as templates,
        ):
            performer = workshop.performer(
                run_warm=templates.run_program,
                run_cold=guardians.run_program,
                copy_sources=spare_copies.working_copy,
                beside=beside.submit,
            )
            # Those of a worker that died: whoever goes on with the sweep may be the same process as before.
            recorder = workshop.recorder()
            beside.submit(
                close_lost_runs, recorder.tickets, deadline_s=_LOST_RUNS_S, tracking_uri=recorder.uri
            )
            os.write(ready_fd, b"!")
            os.close(ready_fd)
            try:
                host.serve(listening, patient(performer, host.say))
            finally:
                folder.stop_listening()
    return 0


def _is_taken(mine: Lease, folder: WorkerFolder) -> bool:
    """Takes the lease; waits for a worker that is about to end, or may be gone with its machine."""
    deadline = time.monotonic() + STALE_AFTER_S + _LONGER_S
    while not mine.try_take():
        line = folder.connect(_CONNECT_S)
        if line is not None:
            line.close()
        if line is not None or time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_S)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
