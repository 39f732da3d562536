"""The commands as somebody at a terminal meets them: what they print, where, and with which exit code."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runner.cli.main import COMMANDS
from tests.e2e.terminal import User, wait_until
from tests.processes import has_ended

NOOP = {"MLproject": "entry_points:\n  main:\n    command: 'true'\n"}
LOCAL = ("--env-manager", "local")


def refuse(user: User, *arguments: str, code: int = 2, **variables: Any) -> str:
    """The error of a command that must fail with `code`; without traceback, crash or output."""
    done = user.types(*arguments, **variables)
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    assert "fault of runner" not in done.err
    assert done.out == ""
    return done.err


# help


def test_alone_it_shows_its_commands(user: User) -> None:
    done = user.types()

    assert done.code == 2
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", done.err, re.MULTILINE)


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS), ["env", "list"], ["env", "prune"]])
def test_every_command_has_help(user: User, command: list[str]) -> None:
    done = user.types(*command, "--help")

    assert (done.code, done.err) == (0, "")
    assert f"Usage: {' '.join(['runner', *command])}" in done.out


def test_a_misspelt_command_is_named_with_the_one_meant(user: User) -> None:
    assert "did you mean 'run'" in refuse(user, "rnu")


def test_a_wrong_option_is_an_error_of_one_line_with_the_way_to_the_help(user: User) -> None:
    error = refuse(user, "run", ".", "--entry-pint", "x")

    assert error.startswith("error: No such option")
    assert "runner run --help" in error


# run


def test_with_json_stdout_holds_the_outcome_alone(user: User) -> None:
    folder = user.project({"talk.py": "import sys; print('no newline', end=''); sys.exit(3)"})

    done = user.types("run", str(folder), "-e", "talk.py", "--json", *LOCAL)

    assert done.code == 1
    outcome = json.loads(done.out)
    assert (outcome["status"], outcome["exit_code"]) == ("FAILED", 3)
    assert Path(outcome["log_path"]).read_text() == "no newline"
    assert "no newline" in done.err


def test_quiet_leaves_the_programs_output_and_nothing_else(user: User) -> None:
    folder = user.project({"talk.py": "import sys; print('out'); print('err', file=sys.stderr)"})

    done = user.types("run", str(folder), "-e", "talk.py", "-q", *LOCAL)

    assert (done.code, done.out, done.err) == (0, "out\n", "err\n")


def test_a_dry_run_is_laid_out_in_sections_with_aligned_values(user: User) -> None:
    folder = user.project({"a.py": ""})

    done = user.types(
        "run", str(folder), "-e", "a.py", "--dry-run", "-P", "x= padded ", "-P", "longer=1", *LOCAL
    )

    lines = done.out.splitlines()
    start = lines.index("params")
    assert lines[start + 1 : start + 3] == ['  x       " padded "', "  longer  1"]
    assert "\x1b" not in done.out
    assert done.err == ""


def test_what_the_server_would_refuse_is_refused_before_anything_starts(user: User) -> None:
    folder = str(user.project({"a.py": ""}))
    run = ("run", folder, "-e", "a.py", *LOCAL)

    assert "Invalid parameter name: 'a`b'" in refuse(user, *run, "-P", "a`b=1")
    assert "250" in refuse(user, *run, "-P", f"{'x' * 251}=1")
    assert "500" in refuse(user, *run, "--experiment-name", "x" * 501)
    assert "Invalid run ID" in refuse(user, *run, "--run-id", "../x")
    assert "docker" in refuse(user, *run, "-A", "gpus=all")
    assert not (user.directory / "mlruns.db").exists()


def test_a_run_or_experiment_that_does_not_exist_is_a_wrong_request_and_leaves_nothing_open(
    user: User,
) -> None:
    folder = str(user.project(NOOP))

    assert "--experiment-name" in refuse(user, "run", folder, *LOCAL, "--experiment-id", "77")
    assert "--run-id" in refuse(user, "run", folder, *LOCAL, "--run-id", "0" * 32)
    assert list(tickets(user)) == []
    assert user.runs() == []


def tickets(user: User) -> list[Path]:
    return list(Path(user.variables()["HOME"], ".local/state/runner/open-runs").glob("*.json"))


def test_without_a_project_file_the_scripts_are_offered(user: User) -> None:
    folder = user.project({"fit.py": "", "plot.sh": "", "notes.txt": ""})

    assert "fit.py, plot.sh" in refuse(user, "run", str(folder))
    assert "did you mean 'fit.py'" in refuse(user, "run", str(folder), "-e", "fti.py")
    assert "-e fit.py" in refuse(user, "run", str(folder / "fit.py"))


def test_names_cannot_steer_the_terminal(user: User) -> None:
    folder = user.project(NOOP)

    done = user.types("run", str(folder), "--run-name", "a\x1b[2Jb\nstatus  FINISHED", *LOCAL)

    assert done.code == 0
    assert "\x1b" not in done.err
    assert r"a\x1b[2Jb\nstatus  FINISHED" in done.err


def test_a_run_that_never_came_to_its_program_is_named_and_no_log_is_promised(user: User) -> None:
    folder = user.project(
        {
            "MLproject": "python_env: env.yaml\nentry_points: {main: {command: 'true'}}",
            "env.yaml": "python: '3.99'\n",
        }
    )

    done = user.types("run", str(folder))

    assert done.code == 3
    run = user.run()
    assert run.info.run_id in done.err
    assert "no Python 3.99" in done.err
    assert "output.log" not in done.err


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("foo://x", "foo://x"),
        ("http://", "names no host"),
        ("http://127.0.0.1:99999", "port"),
        ("http://user:hunter2hunter2@127.0.0.1:9x", "port"),
        ("databricks", "databricks"),
    ],
)
def test_a_tracking_uri_that_names_nothing_is_said_with_its_origin(
    user: User, uri: str, message: str
) -> None:
    error = refuse(user, "run", str(user.project(NOOP)), *LOCAL, MLFLOW_TRACKING_URI=uri)

    assert message in error
    assert "MLFLOW_TRACKING_URI" in error
    assert "hunter2" not in error


def test_a_server_that_is_not_there_is_said_and_does_not_slow_down_later_commands(user: User) -> None:
    folder = user.project(NOOP)
    dead = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "RUNNER_HTTP_DEADLINE_S": "1"}

    error = refuse(user, "run", str(folder), *LOCAL, code=3, **dead)

    assert "Connection refused" in error
    assert "MLFLOW_TRACKING_URI" in error
    assert len(tickets(user)) == 1
    after = user.types("run", str(folder), *LOCAL)
    assert after.code == 0
    assert "127.0.0.1:9:" not in after.err, "the other server is tried in silence"


@pytest.mark.parametrize("command", [["run", "PROJECT"], ["ui", "--no-browser"], ["server", "-p", "0"]])
def test_a_working_directory_that_is_gone_is_an_error_in_words(user: User, command: list[str]) -> None:
    project = str(user.project(NOOP))
    script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    arguments = [project if word == "PROJECT" else word for word in command]

    done = subprocess.run(
        ["sh", "-c", script, "sh", sys.executable, "-m", "runner", *arguments],
        cwd=user.directory,
        env=user.variables(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("error: the current directory")


def test_an_env_file_reaches_the_program_and_a_bad_one_shows_no_value(user: User) -> None:
    folder = user.project({"show.py": "import os; print(os.environ['COLOUR'])"})
    (user.directory / "good").write_text("# a comment\nexport COLOUR='light blue'\n")
    (user.directory / "bad").write_text("A=1\nhunter2hunter2\n")
    (user.directory / "binary").write_bytes(b"\xff\xfe\x00")
    run = ("run", str(folder), "-e", "show.py", "-q", *LOCAL)

    assert user.types(*run, "--env-file", "good").out == "light blue\n"
    error = refuse(user, *run, "--env-file", "bad")
    assert "bad:2" in error
    assert "hunter2" not in error
    assert "UTF-8" in refuse(user, *run, "--env-file", "binary")


# check


def test_check_says_every_problem_with_file_and_line_on_stdout(user: User) -> None:
    folder = user.project(
        {"MLproject": "nme: x\nentry_points:\n  main:\n    comand: 'true'\n    command: 'echo {x}'\n"}
    )

    done = user.types("check", str(folder))

    assert done.code == 2
    assert f"{folder}/MLproject:1: error: 'nme'" in done.out
    assert f"{folder}/MLproject:4: error: 'comand'" in done.out
    assert f"{folder}/MLproject:5: error:" in done.out
    assert done.err == "3 errors, 0 warnings\n"
    as_json = user.types("check", str(folder), "--json")
    assert [problem["line"] for problem in json.loads(as_json.out)] == [1, 4, 5]


def test_check_of_a_good_project_is_silent_on_stdout(user: User) -> None:
    done = user.types("check", str(user.project(NOOP)))

    assert (done.code, done.out, done.err) == (0, "", "no problems found\n")


def test_check_prints_the_schema(user: User) -> None:
    assert json.loads(user.types("check", "--schema").out)["$schema"]


# env


def test_environments_are_listed_and_removed(user: User) -> None:
    none = user.types("env", "list")
    assert (none.code, none.out) == (0, "")
    assert user.types("run", str(user.project(NOOP))).code == 0

    listed = user.types("env", "list")
    (environment,) = json.loads(user.types("env", "list", "--json").out)

    header, row = listed.out.splitlines()
    assert header.split() == ["FINGERPRINT", "KIND", "PYTHON", "SIZE", "MADE", "USED", "REQUIREMENTS"]
    assert row.startswith(environment["fingerprint"][:12])
    assert row.index("(nothing)") == header.index("REQUIREMENTS")
    kept = user.types("env", "prune")
    assert (kept.out, kept.err) == ("", "removed 0 environments, 0 B\n")
    would = user.types("env", "prune", "--all", "--dry-run")
    assert would.err.startswith("would remove 1 environment,")
    assert Path(environment["directory"]).exists()
    pruned = user.types("env", "prune", "--all")
    assert pruned.out.startswith(f"removed {environment['fingerprint'][:12]}")
    assert not Path(environment["directory"]).exists()


# settings


def test_settings_are_shown_with_units_and_origin(user: User) -> None:
    done = user.types("settings", RUNNER_GRACE_S="2.5")

    assert re.search(r"^grace_s +2\.5 s +RUNNER_GRACE_S$", done.out, re.MULTILINE)
    assert re.search(
        r"^untracked_file_limit_bytes +10485760 B \(10\.5 MB\) +default$", done.out, re.MULTILINE
    )
    as_json = json.loads(user.types("settings", "--json", RUNNER_GRACE_S="2.5").out)
    assert as_json["grace_s"] == {"value": 2.5, "origin": "RUNNER_GRACE_S"}


def test_a_wrong_setting_is_named_with_its_origin(user: User) -> None:
    config = user.directory / "config.yaml"

    assert "not 'abc' (grace_s from RUNNER_GRACE_S)" in refuse(user, "settings", RUNNER_GRACE_S="abc")
    assert "no such file" in refuse(user, "settings", RUNNER_CONFIG=str(config))
    config.write_text("grace: 3\n")
    assert "did you mean 'grace_s'" in refuse(user, "settings", RUNNER_CONFIG=str(config))
    config.write_bytes(b"\xff\xfe")
    assert "UTF-8" in refuse(user, "settings", RUNNER_CONFIG=str(config))


# server and ui


def test_ui_prints_an_address_that_opens_the_store(user: User) -> None:
    from urllib.request import HTTPCookieProcessor, build_opener

    assert user.types("run", str(user.project(NOOP)), *LOCAL).code == 0

    done = user.types("ui", "--no-browser")

    assert done.code == 0
    with build_opener(HTTPCookieProcessor()).open(done.out.strip(), timeout=10) as page:
        assert page.status == 200


def test_a_server_serves_until_it_is_stopped(user: User) -> None:
    process = user.start("server", "--port", "0")
    try:
        wait_until(lambda: (user.directory / "mlruns.db.server").exists())
        assert user.runs() == []
        assert stat.S_IMODE((user.directory / "mlruns.db.server").stat().st_mode) == 0o600
        second = user.types("server", "--port", "0")
        assert second.code == 2
        assert str(process.pid) in second.err
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert has_ended(process.pid)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "99999"], "99999"),
        (["--port", "0", "--token-file", "nope"], "nope"),
        (["--port", "0", "--backend-store-uri", "foo://x"], "foo"),
        (["--port", "0", "--host", "999.1.1.1"], "999.1.1.1"),
    ],
)
def test_a_server_that_cannot_start_says_why(user: User, arguments: list[str], message: str) -> None:
    done = user.types("server", *arguments)

    assert done.code in (2, 3)
    assert message in done.err
    assert "Traceback" not in done.err


def test_a_crash_leaves_a_report_without_secrets_even_where_the_state_directory_is_none(user: User) -> None:
    broken = "import runner.cli.settings as s; s.SETTINGS = 'hunter2hunter2'; s.read_settings = None"
    script = (
        f"{broken}\nimport sys; sys.argv = ['runner', 'settings']\nfrom runner.cli.main import main; main()"
    )

    done = user.python(script, A_TOKEN="hunter2hunter2", RUNNER_STATE_DIR=os.devnull)

    assert done.code == 4
    assert "# runner crash report" in done.err
    assert "hunter2" not in done.err
    kept = user.python(script, A_TOKEN="hunter2hunter2")
    assert kept.code == 4
    assert "Traceback" not in kept.err
    (report,) = Path(user.variables()["HOME"], ".local/state/runner/crashes").iterdir()
    assert str(report) in kept.err
    assert "Traceback" in report.read_text()


# where it runs


def test_a_path_whose_bytes_are_no_text_is_recorded_in_escapes(user: User) -> None:
    folder = Path(os.fsdecode(os.fsencode(user.directory) + b"/we\xffird"))
    folder.mkdir()
    (folder / "a.py").write_text("")

    done = user.types("run", str(folder), "-e", "a.py", *LOCAL)

    assert done.code == 0, done.err
    assert user.run().data.tags["mlflow.source.name"].endswith(r"/we\udcffird")
    assert r"we\udcffird" in done.err


def test_a_user_without_name_and_home_is_told_what_to_set(user: User) -> None:
    # As in a container that is started with an arbitrary user id: nothing knows the user.
    script = """
import os, pwd, sys
def nobody(uid): raise KeyError(uid)
pwd.getpwuid = nobody
for name in ("USER", "LOGNAME", "LNAME", "USERNAME", "HOME"):
    os.environ.pop(name, None)
from runner.recording.record import user_name
assert user_name() == str(os.getuid())
sys.argv = ["runner", "settings"]
from runner.cli.main import main
main()
"""
    done = user.python(script)

    assert done.code == 2, done.err
    assert done.err.startswith("error: this user has no home directory")
    assert "RUNNER_STATE_DIR" in done.err


def test_a_reader_that_left_does_not_end_a_run_launched_from_python(user: User) -> None:
    folder = user.project({"talk.py": "for i in range(2000): print('a line that fills the pipe', i)"})
    script = (
        "import os, sys, runner\n"
        "reader, writer = os.pipe(); os.dup2(writer, 1); os.close(writer); os.close(reader)\n"
        "submitted = runner.run(sys.argv[1], 'talk.py', env_manager='local')\n"
        "sys.stdout = None\n"
        "again = runner.run(sys.argv[1], 'talk.py', env_manager='local')\n"
        "print(submitted.get_status(), again.get_status(), file=sys.stderr)\n"
        "os._exit(0)\n"
    )

    done = user.python(script, str(folder))

    assert done.err == "FINISHED FINISHED\n"


def test_a_failure_in_python_names_the_log_and_shows_the_last_lines(user: User) -> None:
    folder = user.project({"fail.py": "raise ValueError('my own error')"})

    done = user.python(
        "import sys, runner; runner.run(sys.argv[1], 'fail.py', env_manager='local')", str(folder)
    )

    assert done.code == 1
    message = done.err.rpartition("runner.errors.RunFailed: ")[2]
    assert "is FAILED: exit code 1 (log: " in message
    assert "ValueError: my own error" in message


def test_parameters_that_are_no_mapping_are_refused_in_words(user: User) -> None:
    folder = user.project(NOOP)

    done = user.python("import sys, runner; runner.run(sys.argv[1], parameters=['a'])", str(folder))

    assert "RequestError: parameters must be a mapping of names to values, not list" in done.err
