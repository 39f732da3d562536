"""What is read from a command and from the text of a script, without executing either."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.warm.modules_to_import import Step, steps_of
from runner.warm.python_command import NotWarm, read_command

FLAGS = st.text(alphabet="bBdEIOPqsSu", min_size=1, max_size=4).map(lambda letters: f"-{letters}")
VALUED = st.sampled_from([("-W", "error"), ("-Wignore",), ("-X", "dev"), ("-Xutf8=1",), ("-uWd",)])
OPTIONS = st.lists(FLAGS.map(lambda flag: (flag,)) | VALUED, max_size=4).map(lambda parts: sum(parts, ()))


@given(options=OPTIONS, arguments=st.lists(st.text(string.printable, max_size=8), max_size=4))
def test_a_command_is_taken_apart_without_a_loss(options: tuple[str, ...], arguments: list[str]) -> None:
    argv = ["/opt/bin/python3.11", *options, "src/train.py", *arguments]

    command = read_command(argv)

    assert [command.python, *command.options, command.script, *command.arguments] == argv
    plain = [word for word in options if not word.startswith(("-W", "-X", "-uW"))]
    assert command.has_script_path is not any(letter in word for word in plain for letter in "IP")


@given(words=st.lists(st.text(string.printable, max_size=6), max_size=6))
def test_any_words_are_a_command_or_refused(words: list[str]) -> None:
    for argv in (words, ["python", *words]):
        try:
            command = read_command(argv)
        except NotWarm:
            continue
        assert [command.python, *command.options, command.script, *command.arguments] == argv
        assert command.script.endswith(".py")


@pytest.mark.parametrize(
    "argv",
    [
        [], ["python"], ["python", "-c", "1"], ["python", "-m", "train"], ["python", "-"], ["python", "train"],
        ["pythonw", "train.py"], ["python", "--version"], ["python", "-uc", "1", "a.py"], ["ruby", "train.py"],
    ],
)  # fmt: skip
def test_another_form_is_refused_without_a_word(argv: list[str]) -> None:
    with pytest.raises(NotWarm, match=r"^$"):
        read_command(argv)


def steps(directory: Path, **files: str) -> list[str]:
    for name, text in files.items():
        file = directory / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return [shown(step) for step in steps_of(directory / "script.py", own_modules=True)]


def shown(step: Step) -> str:
    if step.kind in ("begin", "end"):
        return step.kind
    return step.text if step.kind == "import" else f"{step.kind} {step.text}={step.value}"


def test_imports_stand_in_the_order_in_which_they_are_executed(tmp_path: Path) -> None:
    found = steps(
        tmp_path,
        script="import a, b.c\nimport own\nfrom d import e as f, g\ndef main():\n    import lazy\n    import other\nimport h\n",
        own="import first\nfrom package.inner import x\ndef f():\n    import deep\n",
        other="import second\n",
        **{
            "package/__init__": "from . import sibling\n",
            "package/inner": "import third\n",
            "package/sibling": "from ..own import nothing\nimport fourth\n",
        },
    )

    assert found == [
        "import a", "import b.c", "import first", "import fourth", "import third", "from d import e, g", "import h",
        "begin", "import lazy", "import second", "end", "begin", "import deep", "end",
    ]  # fmt: skip


def test_what_is_for_type_checkers_or_for_another_main_is_not_imported(tmp_path: Path) -> None:
    found = steps(
        tmp_path,
        script="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\nelse:\n    import b\nimport own\n"
        "if __name__ == '__main__':\n    import c\n",
        own="if __name__ == '__main__':\n    import d\n",
    )

    assert found == ["from typing import TYPE_CHECKING", "import b", "import c"]


def test_alternatives_are_all_imported(tmp_path: Path) -> None:
    text = "try:\n    import a\nexcept ImportError:\n    import b\nif x:\n    import c\nelse:\n    import d\nwith y:\n    import e\n"

    assert steps(tmp_path, script=text) == ["import a", "import b", "import c", "import d", "import e"]


@pytest.mark.parametrize(
    ("statement", "then"),
    [
        ("os.environ['A'] = 'b'", ["set A=b", "import z"]),
        ("os.environ.setdefault('A', 'b')", ["default A=b", "import z"]),
        ("x = os.environ['A']; y = os.environ.get('B')", ["import z"]),
        ("os.environ['A'] = value", []),
        ("os.environ[name] = 'b'", []),
        ("os.environ.update(A='b')", []),
        ("del os.environ['A']", []),
        ("os.putenv('A', 'b')", []),
        ("dotenv.load_dotenv()", []),
        ("if x: os.environ['A'] = 'b'", []),
        ("for x in y: environ['A'] = 'b'", []),
    ],
)
def test_variables_are_set_where_they_are_known_and_else_end_it(
    tmp_path: Path, statement: str, then: list[str]
) -> None:
    assert steps(tmp_path, script=f"{statement}\nimport z\n") == then


def test_what_one_function_leaves_open_is_no_matter_to_another(tmp_path: Path) -> None:
    text = "def a(x):\n    os.environ['X'] = x\n    import y\ndef b():\n    import z\n"

    assert steps(tmp_path, script=text) == ["begin", "end", "begin", "import z", "end"]


@pytest.mark.parametrize("text", ["def f(:\n", "\0", "x = " + "(" * 300 + ")" * 300])
def test_a_script_that_cannot_be_read_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotWarm):
        steps(tmp_path, script=text)


def test_modules_that_import_one_another_are_read_once(tmp_path: Path) -> None:
    assert steps(tmp_path, script="import a", a="import b\nimport x", b="import a\nimport y") == [
        "import y",
        "import x",
    ]
