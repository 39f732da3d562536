from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from runner.errors import EntryPointNotFound, ManifestError, ManifestNotFound
from runner.manifest.load import load
from runner.model.project import Project
from runner.process import capture

PROJECTS = Path(__file__).resolve().parents[2] / "projects"
ENVIRON = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}  # where `python` is this one
GOOD = sorted(path.name for path in PROJECTS.iterdir() if path.is_dir() and not path.name.startswith("bad-"))


def load_text(directory: Path, text: str) -> Project:
    (directory / "MLproject").write_text(text, encoding="utf-8")
    return load(directory, env_manager="local")


@pytest.mark.parametrize("name", [name for name in GOOD if name != "docker"])
def test_every_good_project_loads(name: str) -> None:
    assert load(PROJECTS / name, env_manager="local").directory == PROJECTS / name


def test_the_example_in_mlflows_style_binds_its_defaults() -> None:
    project = load(PROJECTS / "hyperparam-style", env_manager="local")
    bound = project.entry_point("train").bind({})
    assert bound.command.argv == (
        *("python", "train.py", "../data/wine.csv", "--batch-size", "16", "--epochs", "32"),
        *("--learning-rate", "1e-1", "--momentum", "0.0"),
    )
    assert bound.params["seed"] == "97531"
    search = project.entry_point("search").bind({"max_runs": "3"}).command
    assert search.argv[-4:] == ("--metric", "rmse", "--training-experiment-id", "")
    assert not search.needs_shell
    assert any("never uses the parameter 'seed'" in warning for warning in project.warnings)


def test_a_loaded_projects_command_really_runs() -> None:
    project = load(PROJECTS / "echo-arguments", env_manager="local")
    value = 'it\'s $HOME\n"x"'
    for name, expected in (
        ("main", [value, "--second=two", f"quoted {value}", "single two"]),
        ("shell", [value, f"quoted {value}", f"single {value}"]),
    ):
        command = project.entry_point(name).bind({"first": value}).command
        assert command.needs_shell is (name == "shell")
        assert json.loads(capture(command.argv, cwd=project.directory, environ=ENVIRON).stdout) == expected


def test_every_type_and_key_is_understood() -> None:
    project = load(PROJECTS / "every-type", env_manager="local")
    bound = project.entry_point("main").bind({"layers": "[1, 2]"})
    assert bound.command.argv == (
        *("python", "show.py", "a b", "x", "--rate", "1e-2", "--count=3", "--plain-bool", "True"),
        *("--data", str(PROJECTS / "every-type" / "MLproject"), "--remote", "https://example.org/data.csv"),
        *("--optimizer", "adam", "--layers", "1", "2", "--names=a,b, c", "--words", "[1, 2]"),
    )
    assert bound.params["layers"] == "[1, 2]"
    assert "resume" not in bound.params
    entry_point = project.entry_points["main"]
    assert entry_point.description == "Prints what it gets."
    assert {parameter.name: parameter.line for parameter in entry_point.parameters}["rate"] == 9


def test_a_docker_project_keeps_what_it_declares() -> None:
    docker = load(PROJECTS / "docker").environment.docker
    assert docker is not None
    assert docker.image == "python:3.12-slim"
    assert docker.volumes == ("/tmp:/data:ro",)
    assert docker.environment == (("HOME", None), ("LEVEL", "3"), ("MODE", "fast"))


def test_shell_projects_run_as_written(tmp_path: Path) -> None:
    project = load(PROJECTS / "shell-syntax", env_manager="local")
    data = tmp_path / "it's data.txt"
    data.write_text("one two\nthree four\n")

    def output(name: str, **values: str) -> str:
        return capture(
            project.entry_point(name).bind(values).command.argv,
            environ={"HOME": "/h", "PATH": "/bin:/usr/bin"},
        ).text

    assert output("awk", file=str(data)) == "one\nthree"
    assert output("home") == "/h"
    assert output("heredoc", message="$(false) it's") == "message: $(false) it's"
    assert output("hydra", options="a=1 b=2") == "main.steps='all'\na=1\nb=2"
    assert output("hydra") == "main.steps='all'"


def test_a_directory_without_a_project_file_has_its_scripts() -> None:
    project = load(PROJECTS / "bare-scripts", env_manager="local")
    assert (project.manifest_path, dict(project.entry_points), project.name) == (None, {}, None)
    argv = project.entry_point("show.py").bind({"x": "a b"}).command.argv
    assert json.loads(capture(argv, cwd=project.directory, environ=ENVIRON).stdout) == ["--x", "a b"]
    with pytest.raises(EntryPointNotFound, match="there is no MLproject file"):
        project.entry_point("main")


def test_shell_scripts_run_in_the_users_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for shell, program in (("/bin/zsh", "/bin/zsh"), ("", "bash")):
        with monkeypatch.context() as patch:
            patch.setenv("SHELL", shell)
            project = load(PROJECTS / "bare-scripts", env_manager="local")
        assert project.entry_point("show.sh").bind({}).command.argv == (program, "show.sh")


def test_any_casing_is_found_and_a_second_one_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "mlproject").write_text("name: lower\n")
    (tmp_path / "MLPROJECT").write_text("name: upper\n")
    project = load(tmp_path, env_manager="local")
    assert project.name == "upper"
    assert "mlproject is passed over" in project.warnings[0]
    (tmp_path / "MLproject").write_text("name: proper\n")
    assert load(tmp_path, env_manager="local").name == "proper"
    (tmp_path / "MLproject").unlink()
    (tmp_path / "MLproject").mkdir()
    assert load(tmp_path, env_manager="local").name == "upper"


def test_the_directory_must_be_one(tmp_path: Path) -> None:
    file = tmp_path / "MLproject"
    file.touch()
    with pytest.raises(ManifestNotFound, match="is a file"):
        load(file)
    with pytest.raises(ManifestNotFound, match="cannot be opened"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "line", "key", "message", "hint"),
    [
        (
            "bad-misspelt-keys",
            4,
            "entry_points.main.paramaters",
            "'paramaters'",
            "did you mean 'parameters'?",
        ),
        ("bad-misspelt-section", 1, "entrypoints", "'entrypoints'", "did you mean 'entry_points'?"),
        ("bad-two-environments", 2, "conda_env", "python_env (line 1), conda_env (line 2)", "keep one"),
        ("bad-databricks", 2, "databricks_spark_job", "Databricks only", "mlflow run"),
        ("bad-no-command", 2, "entry_points.main.command", "has no command", None),
        ("bad-list-of-entry-points", 2, "entry_points", "must be a map, not a list", None),
        ("bad-missing-environment-file", 1, "python_env", "nowhere.yaml does not exist", "directory"),
        ("bad-defaults", 4, "entry_points.main.parameters.rate.default", "'2' is not 1 or less", None),
        ("bad-duplicate-keys", 5, "name", "in lines 1 and 5", "keep one"),
        ("bad-yaml", 4, "", "not valid YAML", None),
        ("bad-python-object", 1, "", "!!python/object/apply:os.system", "plain"),
        ("bad-shapes", 1, "name", "must be text", None),
    ],
)
def test_a_bad_project_is_refused_with_file_line_and_key(
    name: str, line: int, key: str, message: str, hint: str | None
) -> None:
    with pytest.raises(ManifestError) as caught:
        load(PROJECTS / name, env_manager="local")
    error = caught.value
    assert error.path == PROJECTS / name / "MLproject"
    assert (error.line, error.key or "") == (line, key)
    assert str(error).startswith(f"{error.path}:{line}: ")
    assert message in str(error)
    assert hint is None or hint in (error.hint or "")


@pytest.mark.parametrize(
    ("entry_point", "line", "message"),
    [("undeclared", 7, "{learning_rte}"), ("formatted", 10, "{alpha:.3f}"), ("unclosed", 12, "never closed")],
)
def test_a_bad_command_spares_the_other_entry_points(entry_point: str, line: int, message: str) -> None:
    project = load(PROJECTS / "bad-placeholders", env_manager="local")
    assert project.entry_point("good").bind({}).command.argv == ("python", "-V")
    with pytest.raises(ManifestError) as caught:
        project.entry_point(entry_point).bind({"alpha": "1"})
    assert caught.value.line == line
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("declared", "default"),
    [
        ("1e-1", "1e-1"),
        (".0", "0.0"),
        ("1", "1"),
        ("yes", "True"),
        ("false", "False"),
        ("None", "None"),
        ('""', ""),
        ("0.10", "0.1"),
        ("[1, a]", "[1, 'a']"),
        ("{a: 1}", "{'a': 1}"),
        ("2020-01-02", "2020-01-02"),
        ('"null"', "null"),
        ("null", None),
        ("~", None),
    ],
)
def test_defaults_become_the_text_that_mlflow_makes_of_them(
    tmp_path: Path, declared: str, default: str | None
) -> None:
    project = load_text(
        tmp_path, f"entry_points: {{main: {{command: x, parameters: {{p: {{default: {declared}}}}}}}}}"
    )
    assert project.entry_points["main"].parameters[0].default == default


@pytest.mark.parametrize(
    ("parameter", "warning"),
    [
        ("{type: banana}", "'banana' is not a known type"),
        ("{type: integer}", "did you mean 'int'?"),
        ("{type: itn}", "did you mean 'int'?"),
        ("", "has no type"),
        ("{type: float, default: auto}", "does not fit its type"),
        ("{type: int, default: None}", "passed on as it is"),
        ("{type: list}", "passed as one text"),
        ("{type: choice}", "lists no choices"),
        ("{type: string, min: 3}", "min of parameter 'p' is ignored"),
        ("{type: bool, choices: [a]}", "choices of parameter 'p' is ignored"),
        ("{type: path, flag: --x}", "flag of parameter 'p' is ignored"),
        ("{type: string, items: int}", "items of parameter 'p' is ignored"),
        ("{type: string, unit: m}", "'unit' is not a key"),
        ("{type: string, default: Yes}", "YAML reads the default Yes of 'p' as True"),
    ],
)
def test_what_mlflow_accepts_is_a_warning(tmp_path: Path, parameter: str, warning: str) -> None:
    project = load_text(
        tmp_path, f"entry_points:\n  main:\n    command: x {{p}}\n    parameters:\n      p: {parameter}\n"
    )
    assert any(warning in text and text.startswith(f"{tmp_path}/MLproject:5: ") for text in project.warnings)
    assert len(project.warnings) == 1


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("conda: x.yaml", "conda_env"),
        ("python-env: x.yaml", "python_env"),
        ("docker: {image: x}", "docker_env"),
        ("Entry_Points: {}", "entry_points"),
        ("sweep: {}", "sweeps"),
        ("entry_points: {main: {cmd: x}}", "command"),
        ("entry_points: {main: {command: x, params: {a: int}}}", "parameters"),
        ("entry_points: {main: {command: x, parameters: {a: {typ: int}}}}", "type"),
        ("entry_points: {main: {command: x, parameters: {a: {defualt: 1}}}}", "default"),
        ("docker_env: {image: x, volume: []}", "volumes"),
    ],
)
def test_a_misspelt_key_is_an_error_that_names_the_right_one(tmp_path: Path, text: str, meant: str) -> None:
    with pytest.raises(ManifestError, match="is not a key of") as caught:
        load_text(tmp_path, text)
    assert caught.value.hint == f"did you mean {meant!r}?"


def test_a_broken_sweep_stops_neither_another_nor_an_entry_point(tmp_path: Path) -> None:
    project = load_text(
        tmp_path,
        "entry_points: {main: {command: 'x {lr}', parameters: {lr: float}}}\n"
        "sweeps:\n"
        "  good: {metric: loss, parameters: {lr: {min: 0, max: 1}}, max_trials: 3}\n"
        "  bad: {metric: loss, parameters: {lr: {min: 1, max: 0}}, max_trials: 3}\n",
    )
    assert list(project.sweeps) == ["good"]
    assert project.sweep("good") == project.sweeps["good"]
    assert project.sweep("other") is None
    with pytest.raises(ManifestError, match=r"MLproject:4: 'lr': no number is between min 1 and max 0"):
        project.sweep("bad")


def test_a_list_default_with_items_becomes_list_text(tmp_path: Path) -> None:
    text = "{main: {command: x, parameters: {p: {type: list, items: string, default: %s}}}}"
    for written, expected in (("[1, a]", "1,a"), ('["a,b", c]', '["a,b", "c"]'), ("[]", ""), ("x", "x")):
        project = load_text(tmp_path, "entry_points: " + text % written)
        assert project.entry_points["main"].parameters[0].default == expected


def test_a_project_loads_in_a_few_milliseconds() -> None:
    load(PROJECTS / "hyperparam-style", env_manager="local")

    def seconds() -> float:
        start = time.perf_counter()
        load(PROJECTS / "hyperparam-style", env_manager="local")
        return time.perf_counter() - start

    assert min(seconds() for _ in range(20)) < 0.03
