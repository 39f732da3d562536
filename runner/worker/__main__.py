"""`python -m runner.worker FOLDER READY_FD`: started by `runner.executors.hosted`, never by hand."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from runner.assemble import assemble, working_directory
from runner.executors.worker_folder import WorkerFolder
from runner.lease import Lease
from runner.warm.templates import Templates
from runner.worker.host import Host


def main(arguments: list[str]) -> int:
    """Serves until there is nothing left to do."""
    folder, ready_fd = WorkerFolder(Path(arguments[0])), int(arguments[1])
    with Lease(folder.lease_path) as mine:
        if not mine.try_take():
            return 0
        host = Host(folder)
        workshop = assemble(dict(os.environ), listener=host.hear, cwd=working_directory())
        signal.signal(signal.SIGTERM, lambda *_: host.stop_all())
        with folder.listen() as listening, Templates(say=host.say) as templates:
            os.write(ready_fd, b"!")
            os.close(ready_fd)
            try:
                host.serve(listening, workshop.performer(run_warm=templates.run_program))
            finally:
                folder.stop_listening()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
