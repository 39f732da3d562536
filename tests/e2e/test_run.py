from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.terminal import User, git

PYTHON = sys.executable
NOOP = {"MLproject": "entry_points:\n  main:\n    command: 'true'\n"}
ECHO = {
    "MLproject": """
name: echo
entry_points:
  main:
    parameters:
      msg: {type: string, default: ""}
      alpha: {type: float, default: 1e-1}
    command: "python show.py {msg} --alpha={alpha}"
""",
    "show.py": "import json,sys; print(json.dumps(sys.argv[1:]))",
}


def test_a_run_is_recorded_with_params_command_log_lock_and_source(
    user: User, repository_of: Callable[[dict[str, str]], Path], tmp_path: Path
) -> None:
    folder = repository_of(ECHO)
    value = 'it\'s "$HOME" a b\n--x ü'

    done = user.types("run", str(folder), "--env-manager", "local", "-P", f"msg={value}")

    assert done.code == 0, done.err
    assert json.loads(done.out) == [value, "--alpha=1e-1"]
    run = user.run()
    assert run.info.status == "FINISHED"
    assert run.data.params == {"msg": value, "alpha": "1e-1"}
    tags = run.data.tags
    assert tags["mlflow.source.git.commit"] == git(folder, "rev-parse", "HEAD")
    assert tags["mlflow.source.git.branch"] == "main"
    assert tags["mlflow.source.git.dirty"] == "false"
    assert tags["mlflow.project.entryPoint"] == "main"
    assert tags["mlflow.source.type"] == "PROJECT"
    assert tags["runner.exit_code"] == "0"
    assert json.loads(user.artifact(run, "runner/output.log", tmp_path)) == [value, "--alpha=1e-1"]
    assert json.loads(user.artifact(run, "runner/run.json", tmp_path))["params"]["msg"] == value


def test_a_failing_program_gives_exit_code_1_a_failed_run_and_no_traceback_of_ours(user: User) -> None:
    folder = user.project(
        {"fail.py": "import sys; print('about to fail'); sys.exit(3)"},
    )

    done = user.types("run", str(folder), "-e", "fail.py", "--env-manager", "local")

    assert done.code == 1
    assert "exit code 3" in done.err
    assert "Traceback" not in done.err
    run = user.run()
    assert (run.info.status, run.data.tags["runner.exit_code"]) == ("FAILED", "3")
    assert (run.info.end_time or 0) >= (run.info.start_time or 0) > 0


@pytest.mark.parametrize(
    ("manifest", "arguments", "message"),
    [
        ("entry_points: {main: {command: 'python {x}'}}", [], "x"),
        ("entry_points: {main: {parameters: {a: float}, command: 'echo {a}'}}", ["-P", "a=abc"], "abc"),
        ("entry_points: {main: {parameters: {a: float}, command: 'echo {a}'}}", [], "a"),
        ("entry_points: {main: {paramaters: {a: float}, command: 'echo'}}", [], "parameters"),
        ("entry_points: {main: {command: 'true'}}", ["-e", "mian"], "main"),
        ("python_env: missing.yaml\nentry_points: {main: {command: 'true'}}", [], "missing.yaml"),
        ("entry_points: {main: {command: 'true'}}", ["--env-manager", "vritualenv"], "virtualenv"),
        ("entry_points: {main: {command: 'true'}}", ["-P", "novalue"], "NAME=VALUE"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_starts(
    user: User, manifest: str, arguments: list[str], message: str
) -> None:
    folder = user.project({"MLproject": manifest})

    done = user.types("run", str(folder), *arguments)

    assert done.code == 2, done.err
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (user.directory / "mlruns.db").exists(), "no server was started and no run created"


def test_a_mistyped_directory_is_not_given_to_git(user: User) -> None:
    user.project(NOOP, name="my-project")

    done = user.types("run", "my-porject")

    assert done.code in (2, 3)
    assert "my-project" in done.err


def test_a_dry_run_prints_the_order_and_starts_nothing(user: User) -> None:
    folder = user.project(ECHO)

    done = user.types("run", str(folder), "--dry-run", "--json", "-P", "msg=a b")

    assert done.code == 0, done.err
    order = json.loads(done.out)
    assert order["argv"] == ["python", "show.py", "a b", "--alpha=1e-1"]
    assert len(order["environment"]["fingerprint"]) == 32
    assert order["tags"]["mlflow.project.entryPoint"] == "main"
    assert not (user.directory / "mlruns.db").exists()
    text = user.types("run", str(folder), "--dry-run", "-P", "msg=a b")
    assert "a b" in text.out
    assert text.code == 0


def test_an_environment_that_cannot_be_built_leaves_a_failed_run_with_the_reason(user: User) -> None:
    folder = user.project(
        {
            "MLproject": "python_env: env.yaml\nentry_points: {main: {command: 'true'}}",
            "env.yaml": "dependencies: [./not-there]\n",
        }
    )

    done = user.types("run", str(folder))

    assert done.code in (2, 3)
    assert "not-there" in done.err
    assert all(run.info.status == "FAILED" for run in user.runs())


def test_a_dirty_tree_is_recorded_as_such_with_patch_and_new_files_but_no_secrets(
    user: User, repository_of: Callable[[dict[str, str]], Path], tmp_path: Path
) -> None:
    folder = repository_of({**NOOP, "code.py": "x = 1\n"})
    (folder / "code.py").write_text("x = 2\n")
    (folder / "new.py").write_text("y = 1\n")
    (folder / ".env").write_text("PASSWORD=hunter2hunter2\n")

    done = user.types("run", str(folder), "--env-manager", "local")

    assert done.code == 0, done.err
    run = user.run()
    assert run.data.tags["mlflow.source.git.dirty"] == "true"
    assert "+x = 2" in user.artifact(run, "runner/source/dirty.patch", tmp_path)
    names = {file.path for file in user.client.list_artifacts(run.info.run_id, "runner/source")}
    assert "runner/source/untracked.tar.gz" in names
    assert ".env" in run.data.tags["runner.source.skipped"]
    import tarfile

    archive = user.client.download_artifacts(run.info.run_id, "runner/source/untracked.tar.gz", tmp_path)
    with tarfile.open(archive) as tar:
        assert tar.getnames() == ["new.py"]


def test_secrets_of_the_environment_do_not_reach_log_console_or_record(user: User, tmp_path: Path) -> None:
    folder = user.project({"leak.py": "import os; print('key', os.environ['MY_API_KEY'])"})

    done = user.types(
        "run", str(folder), "-e", "leak.py", "--env-manager", "local", MY_API_KEY="hunter2hunter2"
    )

    assert done.code == 0, done.err
    run = user.run()
    assert "hunter2" not in done.out + done.err
    assert user.artifact(run, "runner/output.log", tmp_path) == "key [redacted]\n"


def test_no_temporary_directory_is_left(
    user: User, repository_of: Callable[[dict[str, str]], Path], tmp_path: Path
) -> None:
    folder = repository_of(NOOP)
    (folder / "new.txt").write_text("dirty")
    temporary = tmp_path / "tmp"
    temporary.mkdir()

    done = user.types(
        "run", f"file://{folder}", "-v", "main", "--env-manager", "local", TMPDIR=str(temporary)
    )

    assert done.code == 0, done.err
    assert list(temporary.iterdir()) == []


def test_experiment_by_name_is_created_and_a_variable_for_id_and_name_is_no_conflict(user: User) -> None:
    folder = user.project(NOOP)
    common = ("run", str(folder), "--env-manager", "local")

    assert user.types(*common, "--experiment-name", "mine").code == 0
    experiment = user.client.get_experiment_by_name("mine")
    assert experiment is not None
    done = user.types(*common, MLFLOW_EXPERIMENT_NAME="other", MLFLOW_EXPERIMENT_ID=experiment.experiment_id)

    assert done.code == 0, done.err
    assert [run.info.experiment_id for run in user.runs()] == [experiment.experiment_id] * 2


def test_the_second_command_finds_the_first_ones_server(user: User) -> None:
    folder = user.project(NOOP)
    user.types("run", str(folder), "--env-manager", "local")
    first = user.server_pid()

    done = user.types("run", str(folder), "--env-manager", "local")

    assert done.code == 0
    assert user.server_pid() == first
    assert len(user.runs()) == 2


def test_stdin_from_a_pipe_reaches_the_program(user: User) -> None:
    import subprocess

    folder = user.project({"upper.py": "import sys; print(sys.stdin.read().upper())"})
    done = subprocess.run(
        [PYTHON, "-m", "runner", "run", str(folder), "-e", "upper.py", "--env-manager", "local"],
        cwd=user.directory,
        env=user.variables(),
        input="hello",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout == "HELLO\n"
