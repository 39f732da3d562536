from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import ManifestError, ManifestNotFound
from runner.manifest.check import check
from runner.manifest.load import load
from runner.manifest.problem import Problem

PROJECTS = Path(__file__).resolve().parents[2] / "projects"


def problems(directory: Path) -> list[Problem]:
    return check(directory, env_manager="local")


def seen(directory: Path) -> list[tuple[str, int | None, str]]:
    return [(problem.severity, problem.line, problem.message) for problem in problems(directory)]


def project(directory: Path, command: str, script: str | None = None, parameters: str = "") -> Path:
    (directory / "MLproject").write_text(
        f"entry_points:\n  main:\n    command: |\n      {command}\n    parameters: {{{parameters}}}\n"
    )
    if script is not None:
        (directory / "train.py").write_text(script)
    return directory


@pytest.mark.parametrize(
    "name",
    ["echo-arguments", "empty", "null-sections", "null-parameters", "bare-scripts", "odd-casing", "sweeps"],
)
def test_a_good_project_has_no_problems(name: str) -> None:
    assert problems(PROJECTS / name) == []


def test_everything_is_found_in_one_go_errors_first() -> None:
    found = seen(PROJECTS / "bad-shapes")
    assert [line for _, line, _ in found] == [1, 2, 4, 8, 10, 11, 12, 13, 14, 15, 16]
    assert {severity for severity, _, _ in found} == {"error"}
    broken = problems(PROJECTS / "bad-placeholders")
    assert [(problem.severity, problem.line) for problem in broken] == [
        ("error", 7),
        ("error", 10),
        ("error", 12),
        ("warning", 4),
    ]
    assert not any(problem.at_load for problem in broken)


def test_every_field_of_a_wrong_sweep_is_found_in_its_line() -> None:
    found = problems(PROJECTS / "bad-sweep-shapes")
    errors = [problem for problem in found if problem.severity == "error"]
    assert [problem.line for problem in errors] == [4, 6, 6, 8, 9, 10, 13, 14, 15, 16, 17, 18, 19]
    assert all(problem.formal and not problem.at_load for problem in errors)


def test_a_sweep_that_makes_no_sense_is_found() -> None:
    found = problems(PROJECTS / "bad-sweeps")
    errors = [(problem.line, problem.suggestion) for problem in found if problem.severity == "error"]
    assert errors == [
        (12, "did you mean 'train'?"),
        (13, "did you mean 'rate'?"),
        (18, "declare it as float if fractions are meant"),
        (19, "did you mean 'line'?"),
        (20, None),
        (21, "list its values: {values: […]}"),
        (27, "write a small min like 1e-5, or leave log away"),
        (28, "exchange min and max"),
        (29, None),
        (30, "write the value alone: 1"),
        (35, None),
        (41, "did you mean 'kind'?"),
        (42, "did you mean 'tree'?"),
        (44, "give it a default, or optional: true, in the entry point"),
        (50, None),
        (53, "give it a step, or a list of values; or search with method: random"),
        (54, "add max_trials: 50"),
        (55, "add metric: {name: …, goal: minimize}"),
        (56, "method: nsga2, or tpe with engine: optuna, searches for several"),
        (57, "leave engine out, or write engine: builtin"),
        (62, "did you mean 'n_startup_trials'?"),
        (65, "write mode: per_repeat"),
        (66, "keep one of them"),
        (67, "leave early_terminate out, or write type: patience or type: target"),
        (68, "add deterministic: true"),
        (69, "add baseline: {}"),
        (75, None),
        (75, "add kind: …"),
    ]
    assert not any(problem.at_load or problem.formal for problem in found)
    assert [problem.line for problem in found if problem.severity == "warning"] == [9, 76]


def test_a_declared_parameter_that_does_nothing_is_found() -> None:
    found = problems(PROJECTS / "hyperparam-style")
    assert [(problem.severity, problem.key) for problem in found] == [
        ("warning", "entry_points.train.parameters.seed")
    ]
    assert found[0].suggestion == "add --seed {seed} to the command"


def test_an_option_that_the_script_does_not_define_is_found() -> None:
    assert ("warning", 6, "train.py does not define the option --learning-rte") in seen(
        PROJECTS / "unused-parameter"
    )
    options = next(p for p in problems(PROJECTS / "unused-parameter") if "--learning-rte" in p.message)
    assert options.suggestion == "did you mean --learning-rate?"


def test_a_script_that_does_not_exist_is_an_error_that_does_not_stop_loading() -> None:
    (problem,) = problems(PROJECTS / "bad-missing-script")
    assert (problem.severity, problem.line, problem.suggestion) == ("error", 3, "did you mean train.py?")
    load(PROJECTS / "bad-missing-script", env_manager="local")


@pytest.mark.parametrize("command", ["python gen.py; python made.py", "cd sub && python made.py"])
def test_a_missing_script_that_the_command_may_make_is_a_warning(tmp_path: Path, command: str) -> None:
    assert {severity for severity, _, _ in seen(project(tmp_path, command))} == {"warning"}


@pytest.mark.parametrize(
    "command",
    ["python -m pkg", "python -c 'x.py'", "python {s}", "python", "python -", "ls x.py", "python x.txt"],
)
def test_only_a_literal_script_is_looked_for(tmp_path: Path, command: str) -> None:
    assert seen(project(tmp_path, command, parameters="s: string" if "{s}" in command else "")) == []


ARGPARSE = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--rate', '-r')\n"
CLICK = (
    "import click\n@click.command()\n@click.option('--rate/--no-rate')\n@click.argument('x')\ndef f(): pass\n"
)


@pytest.mark.parametrize(
    "script",
    [
        ARGPARSE + "p.parse_args()\n",
        ARGPARSE + "g = p.add_argument_group('g')\ng.add_argument('--other')\n",
        CLICK,
    ],
)
def test_unknown_options_are_found_where_all_are_in_sight(tmp_path: Path, script: str) -> None:
    directory = project(tmp_path, "python -u -W ignore train.py --rate 1 --rote=2 --help -x pos", script)
    assert [message for _, _, message in seen(directory)] == ["train.py does not define the option --rote"]


@pytest.mark.parametrize(
    "script",
    [
        ARGPARSE + "p.parse_known_args()\n",
        ARGPARSE + "add_more(p)\n",
        ARGPARSE + "add_more(parser=p)\n",
        ARGPARSE + "p.add_subparsers()\n",
        ARGPARSE + "p.add_argument(NAME)\n",
        ARGPARSE + "q = argparse.ArgumentParser()\n",
        "import argparse\np = argparse.ArgumentParser(parents=[x])\n",
        "import argparse\np = argparse.ArgumentParser(**kw)\np.add_argument('--rate')\n",
        "import argparse\nclass P(argparse.ArgumentParser): pass\n",
        CLICK.replace("command()", "command(context_settings={})"),
        CLICK.replace("command()", "command(cls=X)"),
        CLICK.replace("@click.argument('x')", "@more_options"),
        CLICK.replace("@click.argument('x')", "@click.option(*NAMES)"),
        CLICK + CLICK,
        "import fire\nfire.Fire()\n",
        "import sys\nprint(sys.argv)\n",
        "this is no python (",
        "x = '\\d'\n" + ARGPARSE + "p.parse_known_args()\n",
        "\0",
    ],
)
def test_what_cannot_be_known_for_certain_is_left_alone(tmp_path: Path, script: str) -> None:
    assert seen(project(tmp_path, "python train.py --rote=2", script)) == []


def test_abbreviations_and_boolean_options_are_known(tmp_path: Path) -> None:
    script = ARGPARSE + "p.add_argument('--fast', action=argparse.BooleanOptionalAction)\n"
    assert seen(project(tmp_path, "python train.py --ra 1 --no-fast", script)) == []


def test_a_script_is_parsed_and_never_run(tmp_path: Path) -> None:
    script = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    problems(project(tmp_path, "python train.py --x", script))
    assert not (tmp_path / "ran").exists()


def test_an_option_on_a_line_of_its_own_is_found(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text(
        "entry_points:\n  main:\n    command: |\n      python -V\n      --x 1\n"
    )
    (found,) = problems(tmp_path)
    assert "the option --x starts a command of its own" in found.message


def test_a_value_in_a_program_text_is_found(tmp_path: Path) -> None:
    (found,) = problems(project(tmp_path, "bash -c 'ls {d}'", parameters="d: string"))
    assert "can run anything" in found.message


def test_doubled_braces_around_a_parameter_are_found(tmp_path: Path) -> None:
    found = seen(project(tmp_path, "python -V {{ d }} {d}", parameters="d: string"))
    assert ["literal text in braces" in message for _, _, message in found] == [True]


def test_a_bad_environment_file_is_found_with_its_own_path(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text("python_env: env.yaml\n")
    (tmp_path / "env.yaml").write_text("dependencies: 3\n")
    (found,) = check(tmp_path)
    assert (found.severity, found.path) == ("error", tmp_path / "env.yaml")
    assert str(found).count(str(found.path)) == 1


def test_load_raises_what_check_finds_first() -> None:
    for directory in sorted(PROJECTS.glob("bad-*")):
        stopping = [
            problem for problem in problems(directory) if problem.at_load and problem.severity == "error"
        ]
        if not stopping:
            load(directory, env_manager="local")
            continue
        with pytest.raises(ManifestError) as caught:
            load(directory, env_manager="local")
        assert str(caught.value) == str(stopping[0].error())


def test_a_directory_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ManifestNotFound):
        check(tmp_path / "nowhere")
