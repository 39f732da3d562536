"""A project whose script says `import mlflow`: the real client, unchanged, in an environment built for it."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.terminal import User

PROJECT = {
    "MLproject": """
name: theirs
python_env: python_env.yaml
entry_points:
  main:
    parameters: {alpha: {type: float, default: 0.5}}
    command: "python train.py {alpha}"
""",
    "python_env.yaml": "dependencies: [mlflow-skinny]\n",
    "train.py": """
import sys
import mlflow
with mlflow.start_run() as run:
    mlflow.log_param("beta", "b")
    mlflow.log_params({"gamma": 1})
    for step in range(3):
        mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
    mlflow.log_metrics({"acc": 0.5, "nan": float("nan")}, step=2)
    mlflow.set_tag("colour", "blue")
    mlflow.log_text("hello", "notes/a.txt")
    mlflow.log_dict({"a": [1, 2]}, "d.json")
    with mlflow.start_run(nested=True, run_name="inner"):
        mlflow.log_metric("inner", 1)
print("run", run.info.run_id)
""",
}


def test_a_script_with_mlflows_client_logs_to_the_run_it_was_launched_as(user: User, tmp_path: Path) -> None:
    folder = user.project(PROJECT)

    done = user.types("run", str(folder), "-P", "alpha=0.25", timeout_s=300)

    assert done.code == 0, done.err
    (run,) = [run for run in user.runs() if "mlflow.parentRunId" not in run.data.tags]
    assert run.info.run_id in done.out
    assert run.info.status == "FINISHED"
    assert run.data.params == {"alpha": "0.25", "beta": "b", "gamma": "1"}
    assert run.data.metrics["loss"] == 1 / 3
    assert run.data.metrics["acc"] == 0.5
    assert run.data.metrics["nan"] != run.data.metrics["nan"]
    assert run.data.tags["colour"] == "blue"
    history = user.client.get_metric_history(run.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert user.artifact(run, "notes/a.txt", tmp_path) == "hello"
    assert "mlflow-skinny==" in user.artifact(run, "runner/environment.lock", tmp_path)
    (inner,) = user.runs("attributes.run_name = 'inner'")
    assert inner.data.tags["mlflow.parentRunId"] == run.info.run_id
    assert inner.info.status == "FINISHED"


def test_everything_goes_to_a_real_mlflow_server_where_one_is_configured(user: User, tmp_path: Path) -> None:
    import socket
    import subprocess
    import sys
    import urllib.request

    from tests.e2e.terminal import wait_until

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{tmp_path}/m.db"),
            *("--artifacts-destination", str(tmp_path / "artifacts")),
        ],
        cwd=tmp_path,
        env=user.variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def answers() -> bool:
        assert server.poll() is None, "mlflow's server ended"
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    try:
        wait_until(answers, timeout_s=120)
        user.environ["MLFLOW_TRACKING_URI"] = url
        folder = user.project({"fail.py": "import sys; print('bye'); sys.exit(2)", "ok.py": "print('hi')"})

        assert user.types("run", str(folder), "-e", "ok.py", "--env-manager", "local").code == 0
        assert user.types("run", str(folder), "-e", "fail.py", "--env-manager", "local").code == 1

        by_entry = {run.data.tags["mlflow.project.entryPoint"]: run for run in user.runs()}
        assert {name: run.info.status for name, run in by_entry.items()} == {
            "ok.py": "FINISHED",
            "fail.py": "FAILED",
        }
        assert user.artifact(by_entry["fail.py"], "runner/output.log", tmp_path) == "bye\n"
    finally:
        import os
        import signal

        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
