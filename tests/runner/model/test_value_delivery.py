"""Whatever a value holds, the program receives exactly that: really executed, with and without a shell."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.model.parameter import Parameter
from runner.model.project import EntryPoint
from runner.process import capture

# Everything that a program argument can hold: all of Unicode but NUL and lone surrogates.
values = st.text(
    st.one_of(
        st.sampled_from(list(" '\"\\$`\n\t;&|<>(){}[]*?~!#%=-,")),
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    ),
    max_size=20,
)
nasty = [
    "",
    " ",
    "a b",
    "it's",
    '"',
    "'\"'\"",
    "$HOME",
    "$(touch pwned)",
    "`touch pwned`",
    "${1}",
    "\\",
    "a\\'b\\",
    "\n",
    "two\nlines\n",
    "-rf",
    "--help",
    "*",
    "~",
    "{first}",
    "; exit 3",
    "EOF",
    "a\nEOF\ntouch pwned\n",
    "ünïcödé 🎉",
    "\x01\x7f\u2028",
    "!!",
    "# no comment",
]
declared = (Parameter(name="first"), Parameter(name="second"))

# Each template with the argv that its program must see, as str.format strings over the values.
argv_templates = [
    ("{first} {second}", ["{first}", "{second}"]),
    ("--lr={first}", ["--lr={first}"]),
    ('"{first}"', ["{first}"]),
    ("'{first}'", ["{first}"]),
    ('"it\'s {first}, and {second}!"', ["it's {first}, and {second}!"]),
    ("'say \"{first}\"'", ['say "{first}"']),
    ("{first}{second}", ["{first}{second}"]),
    ("pre{first}post", ["pre{first}post"]),
    ("a\"b{first}c\"'d{second}e'f", ["ab{first}cd{second}ef"]),
    ("\\'{first}\\'", ["'{first}'"]),
    ('"\\{first}"', ["\\{first}"]),
    ("'\\{first}'", ["\\{first}"]),
    ("\\{first}", ["{first}"]),
    ("--x {{{first}}}".replace("{{{", "'{{'{").replace("}}}", "}'}}'"), ["--x", "{{{first}}}"]),
    ("{first} \\\n  --next {second}", ["{first}", "--next", "{second}"]),
    ("'' {first} \"\"", ["", "{first}", ""]),
]
shell_templates = [
    *((template + " | cat", expected) for template, expected in argv_templates),
    ("$(echo) {first}", ["{first}"]),
    ("\"$(printf '%s.' {first})\"", ["{first}."]),
    ('"$(printf "%s." "{first}")"', ["{first}."]),
    ('"`printf %s. {first}`"', ["{first}."]),
    ('"${{UNSET_VARIABLE:-{first}}}"', ["{first}"]),
    ("$'a\\tb{first}c'", ["a\tb{first}c"]),
    ("{first}; : {second}", ["{first}"]),
    ("{first} && exit 0; exit 1", ["{first}"]),
    ("{first} # it's {second}", ["{first}"]),
    ("'{{$1}}' {first}", ["{{$1}}", "{first}"]),
    ('{first} "$#$*"', ["{first}", "0"]),
]


def run(template: str, given_values: Mapping[str, str], directory: Path) -> list[str]:
    entry_point = EntryPoint(name="main", parameters=declared, command=template)
    command = entry_point.bind(given_values).command
    done = capture(command.argv, cwd=directory, timeout_s=20)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().split("\0")[:-1]


def expected_arguments(expected: list[str], given_values: Mapping[str, str]) -> list[str]:
    return [text.format(**given_values) for text in expected]


@pytest.mark.parametrize(("template", "expected"), argv_templates)
@given(first=values, second=values)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_arbitrary_values_reach_a_program_started_without_a_shell(
    template: str, expected: list[str], first: str, second: str, tmp_path: Path
) -> None:
    given_values = {"first": first, "second": second}
    entry_point = EntryPoint(name="main", parameters=declared, command=f"/usr/bin/printf '%s\\0' {template}")
    assert not entry_point.bind(given_values).command.needs_shell
    assert run(entry_point.command, given_values, tmp_path) == expected_arguments(expected, given_values)


@pytest.mark.parametrize(("template", "expected"), shell_templates)
@given(first=values, second=values)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_arbitrary_values_reach_a_program_started_by_a_shell(
    template: str, expected: list[str], first: str, second: str, tmp_path: Path
) -> None:
    given_values = {"first": first, "second": second}
    entry_point = EntryPoint(name="main", parameters=declared, command=f"printf '%s\\0' {template}")
    assert entry_point.bind(given_values).command.needs_shell
    assert run(entry_point.command, given_values, tmp_path) == expected_arguments(expected, given_values)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", ["argv", "shell"])
def test_every_nasty_value_arrives_in_every_place_at_once(mode: str, tmp_path: Path) -> None:
    body = "{first} --a={first} \"<{first}>\" '<{first}>' pre{first}"
    program = f"{sys.executable} -c 'import sys; print(*sys.argv[1:], sep=chr(0), end=chr(0))' {body}"
    for value in nasty:
        template = program if mode == "argv" else f"true && {program}"
        got = run(template, {"first": value, "second": ""}, tmp_path)
        assert got == [value, f"--a={value}", f"<{value}>", f"<{value}>", f"pre{value}"]
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("start", "end"), [("<<EOF", "EOF"), ("<<-EOF", "\tEOF"), ("<< E\\OF", "EOF"), ("<<EOF 2>&1", "EOF")]
)
@given(value=values)
@settings(max_examples=15)
def test_a_here_document_holds_the_value(start: str, end: str, value: str) -> None:
    quoted = "\\" in start
    entry_point = EntryPoint(
        name="main",
        parameters=declared[:1],
        command=f"cat {start}\nit's {{first}}; $(printf '%s' {{first}})\n{end}\n".replace(
            "{first}", "plain" if quoted else "{first}"
        ),
    )
    done = capture(entry_point.bind({"first": value}).command.argv)
    inner = value.rstrip("\n")  # a command substitution loses its last newlines
    want = "it's plain; $(printf '%s' plain)\n" if quoted else f"it's {value}; {inner}\n"
    assert done.stdout.decode() == want


@given(name=st.from_regex(r"\A[a-z][a-z_]{0,8}\Z"), value=values)
@settings(max_examples=25)
def test_undeclared_values_are_appended_at_the_very_end(name: str, value: str) -> None:
    plain = EntryPoint(name="main", command="/usr/bin/printf '%s\\0' x")
    assert plain.bind({name: value}).command.argv[-2:] == (f"--{name}", value)
    shell = EntryPoint(name="main", command="echo a && /usr/bin/printf '%s\\0' x")
    done = capture(shell.bind({name: value}).command.argv)
    assert done.stdout.decode() == f"a\nx\0--{name}\0{value}\0"


def test_shell_functions_and_shifted_arguments_do_not_disturb_the_values() -> None:
    command = "show() {{ printf '<%s>' \"$1\" {first}; }}; set -- x y; shift; show {second} $1"
    entry_point = EntryPoint(name="main", parameters=declared, command=command)
    done = capture(entry_point.bind({"first": "a b", "second": "c d"}).command.argv)
    assert done.stdout == b"<c d><a b>"


def test_a_display_is_one_line_that_does_what_the_command_does() -> None:
    for command in (
        "printf '%s.' {first} \"{second}\" '{first}'",
        "/usr/bin/printf %s. {first} {second} {first}",
    ):
        entry_point = EntryPoint(name="main", parameters=declared, command=command)
        bound = entry_point.bind({"first": "it's $HOME", "second": 'a"b`c'}).command
        assert "\n" not in bound.display
        shown = capture(["bash", "-c", bound.display])
        assert shown.stdout == capture(bound.argv).stdout == b"it's $HOME.a\"b`c.it's $HOME."
    entry_point = EntryPoint(name="main", parameters=declared[:1], command="echo {first}")
    assert "\n" not in entry_point.bind({"first": "a\nb\x1b[2J"}).command.display
    assert "\x1b" not in entry_point.bind({"first": "a\nb\x1b[2J"}).command.display
