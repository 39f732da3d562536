from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import EntryPointNotFound, InvalidParameter, ManifestError, MissingParameter
from runner.model.environment import EnvironmentSpec
from runner.model.parameter import Parameter
from runner.model.project import EntryPoint, Project


def entry(command: str, *parameters: Parameter) -> EntryPoint:
    return EntryPoint(name="main", command=command, parameters=parameters, path=Path("MLproject"), line=3)


def words(command: str, *parameters: Parameter, **values: str) -> list[str]:
    """What the command executes; of a shell's command, the words that bash makes of it."""
    bound = entry(command, *parameters).bind(values).command
    if not bound.needs_shell:
        return list(bound.argv)
    from runner.process import capture

    script = bound.argv[2].replace("show", "printf '%s\\0'", 1)
    done = capture([*bound.argv[:2], script, *bound.argv[3:]])
    return ["show", *done.stdout.decode().split("\0")[:-1]]


both_modes = pytest.mark.parametrize("suffix", ["", " | cat"])
RESUME = Parameter(name="resume", optional=True)
LAYERS = Parameter(name="layers", kind="list", items="int")
VERBOSE = Parameter(name="verbose", kind="bool", flag="--verbose", default="false")


@both_modes
@pytest.mark.parametrize(
    ("command", "without", "with_it"),
    [
        ("show {resume} end", ["end"], ["R", "end"]),
        ("show --resume {resume} end", ["end"], ["--resume", "R", "end"]),
        ("show -r '{resume}' end", ["end"], ["-r", "R", "end"]),
        ("show --quiet --resume={resume} end", ["--quiet", "end"], ["--quiet", "--resume=R", "end"]),
        ("show --lr=1 {resume} end", ["--lr=1", "end"], ["--lr=1", "R", "end"]),
        ("show -- {resume} end", ["--", "end"], ["--", "R", "end"]),
        ("show plain {resume}", ["plain"], ["plain", "R"]),
        ("show a{resume}b end", ["end"], ["aRb", "end"]),
    ],
)
def test_an_optional_parameter_without_value_takes_its_word_and_option_away(
    command: str, without: list[str], with_it: list[str], suffix: str
) -> None:
    assert words(command + suffix, RESUME) == ["show", *without]
    assert words(command + suffix, RESUME, resume="R") == ["show", *with_it]


def test_an_optional_word_disappears_within_a_substitution_too() -> None:
    assert words('show "$(echo a --x {resume} b)"', RESUME) == ["show", "a b"]


@both_modes
def test_a_flag_is_there_or_not(suffix: str) -> None:
    assert words("show -a {verbose} b" + suffix, VERBOSE) == ["show", "-a", "b"]
    assert words("show -a {verbose} b" + suffix, VERBOSE, verbose="TRUE") == ["show", "-a", "--verbose", "b"]
    assert words("show {verbose} b" + suffix, VERBOSE, verbose="no") == ["show", "b"]


def test_a_flag_must_be_a_word_of_its_own() -> None:
    with pytest.raises(ManifestError, match="word of its own") as caught:
        words("show --x={verbose}", VERBOSE)
    assert caught.value.line == 3


@both_modes
def test_a_bool_without_flag_passes_its_text(suffix: str) -> None:
    assert words("show --v {v}" + suffix, Parameter(name="v", kind="bool"), v="True") == [
        "show",
        "--v",
        "True",
    ]


@both_modes
def test_a_list_spreads_where_it_stands_alone(suffix: str) -> None:
    shown = words("show --layers {layers} --l={layers} '{layers}'" + suffix, LAYERS, layers="64, 32")
    assert shown == ["show", "--layers", "64", "32", "--l=64,32", "64,32"]
    assert words("show --layers {layers} end" + suffix, LAYERS, layers="") == ["show", "end"]


@both_modes
def test_a_list_without_items_is_one_text_as_in_mlflow(suffix: str) -> None:
    assert words("show {xs}" + suffix, Parameter(name="xs", kind="list"), xs="[1, 2]") == ["show", "[1, 2]"]


@pytest.mark.parametrize(
    ("command", "needs"),
    [
        ("python train.py", False),
        ("python train.py --a {a}\n", False),
        ("\n  python train.py \\\n --b\n\n", False),
        ("true", False),
        ("python 'a|b' \"c;d\" e\\&f", False),
        ("python a#b --x=1", False),
        ("python a && python b", True),
        ("python > log", True),
        ("python $HOME", True),
        ('python "$HOME"', True),
        ("python '$HOME'", False),
        ("python *.csv", True),
        ("python ~/x", True),
        ("python --dir=~/x", True),
        ("python a~b", False),
        ("SEED=1 python x.py", True),
        ("python SEED=1", False),
        ("cd sub", True),
        ("export A", True),
        ("echo a", True),
        ("if true; then x; fi", True),
        ("python a\npython b", True),
        ("python # note", True),
        ("`which python` x", True),
        ("python {{a,b}}", True),
    ],
)
def test_a_shell_is_used_only_where_the_command_needs_one(command: str, needs: bool) -> None:
    bound = entry(command, Parameter(name="a", default="")).bind({}).command
    assert bound.needs_shell is needs
    assert (bound.argv[:2] == ("bash", "-c")) is needs


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("python -c 'print({{1}})'", ["python", "-c", "print({1})"]),
        ("python --json '{\"a\": 1}'", ["python", "--json", '{"a": 1}']),
        ("awk '{print $1}' x", ["awk", "{print $1}", "x"]),
        ("awk '{ if ($1) {print {a}} }'", ["awk", "{ if ($1) {print A} }"]),
        ("grep -E 'a{3}'", ["grep", "-E", "a{3}"]),
        ("python '{{a}}' {a}", ["python", "{a}", "A"]),
        ("python '{{{a}}}'", ["python", "{A}"]),
        ("python {learning-rate}", ["python", "L"]),
    ],
)
def test_braces_that_are_no_placeholder_stay(command: str, argv: list[str]) -> None:
    bound = entry(command, Parameter(name="a", default="A"), Parameter(name="learning-rate", default="L"))
    assert list(bound.bind({}).command.argv) == argv


@pytest.mark.parametrize(
    ("command", "message", "hint"),
    [
        ("python {alhpa}", "uses {alhpa}", "did you mean {alpha}?"),
        ("awk '{print}'", "uses {print}", "write {{print}} for literal braces"),
        ("python {alpha:.3f}", "formatting", "write {alpha} for the value"),
        ("python {alpha!r}", "formatting", "write {alpha}"),
        ("python {alpha.real}", "formatting", "write {alpha}"),
        ("python {alpha[0]}", "formatting", "write {alpha}"),
        ("python { alpha }", "blanks", "write {alpha}"),
        ("python ${alpha}", "the shell's variable", "${{alpha}} for the variable"),
        ("python 'x", "single quote", ""),
        ('python "x', "double quote", ""),
        ("python $(x", "is missing", ""),
        ("cat <<'E'\n{alpha}\nE", "expands nothing", "without quotes"),
        ("cat <<E\n{alpha}\n", "never ends", ""),
        ("echo $(( {alpha} + 1 ))", "arithmetic", "type: int"),
        ("  \n ", "empty", ""),
    ],
)
def test_a_command_that_cannot_be_understood_is_an_error_with_its_place(
    command: str, message: str, hint: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        entry(command, Parameter(name="alpha", default="1")).bind({})
    assert message in str(caught.value)
    assert str(caught.value).startswith("MLproject:3: ")
    assert hint in (caught.value.hint or "")


def test_an_int_may_stand_in_arithmetic() -> None:
    assert words("show $(( {n} + 1 ))", Parameter(name="n", kind="int"), n="41") == ["show", "42"]


def test_an_undeclared_placeholder_can_be_given() -> None:
    bound = entry("python {x}").bind({"x": "1 2", "y": "3"})
    assert bound.command.argv == ("python", "1 2", "--y", "3")
    assert bound.params == {"x": "1 2", "y": "3"}


@pytest.mark.parametrize(
    "command", ["echo a &", "(echo a)", "for i in 1; do echo; done", "cat <<E\nx\nE", "ls # x"]
)
def test_nothing_is_appended_where_it_would_break_the_script(command: str) -> None:
    with pytest.raises(ManifestError, match="nothing can be appended"):
        entry(command).bind({"x": "1"})


def test_params_are_all_values_as_given() -> None:
    bound = entry(
        "python {a} {b} {c}",
        Parameter(name="a"),
        Parameter(name="b", default=""),
        Parameter(name="c", optional=True),
    ).bind({"a": "it's", "extra": "$x"})
    assert bound.params == {"a": "it's", "b": "", "extra": "$x"}


def test_binding_the_params_again_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    point = entry(
        "python {a} {f} {layers} {verbose} {resume} {n}",
        Parameter(name="a"),
        Parameter(name="f", kind="path", default="f"),
        Parameter(name="n", kind="int", default="None"),
        LAYERS,
        VERBOSE,
        RESUME,
    )
    bound = point.bind({"a": "'", "layers": "1,2", "x": "y"}, base=tmp_path)
    assert point.bind(bound.params, base=tmp_path) == bound


def test_all_missing_parameters_are_named_at_once() -> None:
    point = entry("python {alpha} {beta}", Parameter(name="alpha"), Parameter(name="beta"))
    with pytest.raises(MissingParameter, match="'alpha', 'beta'") as caught:
        point.bind({})
    assert caught.value.hint == "give it with -P alpha=VALUE -P beta=VALUE"
    with pytest.raises(MissingParameter) as caught:
        point.bind({"alhpa": "1", "beta": "2"})
    assert caught.value.hint == "you gave 'alhpa': did you mean 'alpha'?"


def test_a_near_miss_among_undeclared_parameters_is_a_warning() -> None:
    bound = entry("python {epochs}", Parameter(name="epochs", default="1")).bind({"epoch": "3"})
    assert bound.command.argv == ("python", "1", "--epoch", "3")
    assert "did you mean 'epochs'?" in bound.warnings[0]


@pytest.mark.parametrize("name", ["", "a\0b", "a\nb"])
def test_an_undeclared_parameter_needs_a_proper_name(name: str) -> None:
    with pytest.raises(InvalidParameter):
        entry("python").bind({name: "1"})


def test_a_remote_path_is_named_for_download_and_recorded_as_given(tmp_path: Path) -> None:
    point = entry("python {data}", Parameter(name="data", kind="path"))
    bound = point.bind({"data": "s3://bucket/key"}, base=tmp_path)
    assert bound.downloads == (("data", "s3://bucket/key"),)
    assert bound.params == {"data": "s3://bucket/key"}
    again = point.bind(bound.params, base=tmp_path, fetched={"data": "/cache/key"})
    assert again.downloads == ()
    assert again.params == {"data": "s3://bucket/key"}
    assert again.command.argv == ("python", "/cache/key")


def test_a_local_path_is_absolute_for_the_program_and_as_given_in_the_record(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    bound = entry("python --d={d}", Parameter(name="d", kind="path")).bind({"d": "d"}, base=tmp_path)
    assert bound.command.argv == ("python", f"--d={tmp_path}/d")
    assert bound.params == {"d": "d"}


def project(directory: Path, *entry_points: EntryPoint) -> Project:
    return Project(
        name=None,
        directory=directory,
        manifest_path=None,
        entry_points={point.name: point for point in entry_points},
        environment=EnvironmentSpec(kind="local"),
    )


def test_scripts_are_entry_points_without_declaration(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a b{x}.py", "run.sh", "sub/x.py", "-c.py"):
        (tmp_path / name).touch()
    found = project(tmp_path)
    bound = found.entry_point("a b{x}.py").bind({"k": "v w"})
    assert bound.command.argv == ("python", "a b{x}.py", "--k", "v w")
    assert bound.params == {"k": "v w"}
    assert found.entry_point("run.sh").bind({}).command.argv == ("bash", "run.sh")
    zsh = replace(found, shell="/bin/zsh")
    assert zsh.entry_point("run.sh").bind({"k": "v"}).command.argv == ("/bin/zsh", "run.sh", "--k", "v")
    assert found.entry_point("sub/x.py").bind({}).command.argv == ("python", "sub/x.py")
    assert found.entry_point("-c.py").bind({}).command.argv == ("python", "./-c.py")


def test_a_script_must_exist_within_the_project(tmp_path: Path) -> None:
    (tmp_path / "outside.py").touch()
    inside = tmp_path / "project"
    inside.mkdir()
    (inside / "link.py").symlink_to(tmp_path / "outside.py")
    (inside / "folder.py").mkdir()
    found = project(inside, entry("true"))
    for name in (
        "../outside.py",
        str(tmp_path / "outside.py"),
        "link.py",
        "missing.py",
        "folder.py",
        "x",
        "\0.py",
    ):
        with pytest.raises(EntryPointNotFound, match="declared: main"):
            found.entry_point(name)


def test_a_declared_entry_point_comes_before_a_file(tmp_path: Path) -> None:
    (tmp_path / "main").touch()
    assert project(tmp_path, entry("true")).entry_point("main").command == "true"


def test_a_value_that_a_program_would_run_is_warned_about() -> None:
    for command in ("bash -c 'echo {a}'", 'python -c "print({a})"', "eval {a}", "true; sh -c {a}"):
        assert "can run anything" in " ".join(entry(command, Parameter(name="a")).template().warnings)
    for command in ("bash -c 'echo \"$0\"' {a}", "python -m m -c x {a}"):
        assert entry(command, Parameter(name="a")).template().warnings == ()
