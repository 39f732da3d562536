"""What a program prints is on the server while it goes on."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.terminal import User, wait_until
from tracking_client.errors import TrackingError

WAITS = {
    "waits.py": """
import os, sys, time
print("began with", os.environ["SOME_TOKEN"], flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
print("went on", flush=True)
""",
    "MLproject": """
name: waits
entry_points:
  main:
    parameters: {gate: string}
    command: "python waits.py {gate}"
""",
}


def test_the_log_of_a_run_that_goes_on_can_be_read_without_its_secrets(user: User, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    folder = user.project(WAITS)
    process = user.start(
        "run", str(folder), "-P", f"gate={gate}", "--env-manager", "local", SOME_TOKEN="hidden-value"
    )

    wait_until(lambda: "began with" in log_of(user, tmp_path))
    assert user.run().info.status == "RUNNING"
    assert "hidden-value" not in log_of(user, tmp_path)

    gate.touch()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert log_of(user, tmp_path).splitlines()[-1] == "went on"


def log_of(user: User, folder: Path) -> str:
    """What is stored of the log of the only run; "" while there is none."""
    try:
        runs = user.runs()
        if not runs:
            return ""
        path = user.client.download_artifacts(runs[0].info.run_id, "runner/output.log", folder)
        return Path(path).read_text()
    except TrackingError:
        return ""
