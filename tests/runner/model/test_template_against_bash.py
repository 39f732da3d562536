"""Random commands, read by us and by bash: with a harmless value in every place, both must do the same."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from runner.model.parameter import Parameter
from runner.model.project import EntryPoint
from runner.process import capture

TOKENS = [
    *["{first}", "{second}", " "] * 3,
    *["'", '"', "\\", "a", "#", "-", "=", "~", "\t", "\\\n", "\n", "!", "<<<", " && : "],
    *["$(printf '<%s>' ", ")", '"$(printf %s {first})"', "`printf %s ", "`", "${{UNSET:-", "}}", "$'"],
    *["'a{second}'", '"{first}"', '"\\\\"', "{{", "["],
]
HARMLESS = {"first": "V1x", "second": "W2y"}
HOSTILE = {"first": "a b'\"$(echo p)`x`\\", "second": "*;\n#~"}
DECLARED = (Parameter(name="first"), Parameter(name="second"))
# Here plain text and a quoted value differ in bash itself: names of variables, words that are options, and
# backslashes before a placeholder in $'…', which are refused.
UNLIKE = re.compile(r"\$\{(first|second)|\}[a-z{}]*=|<<<<|\\<|`.*\\|\\.*`|\n|\$'.*\\\{")


@given(body=st.lists(st.sampled_from(TOKENS), min_size=1, max_size=9).map("".join))
@settings(max_examples=80, suppress_health_check=[HealthCheck.filter_too_much])
def test_a_random_command_does_what_bash_does_with_harmless_values(body: str) -> None:
    assume(not UNLIKE.search(body.replace("\\\n", "")))
    plain = body.format_map({}) if "{" not in body else _plain(body)
    assume(plain is not None)
    pasted = f"printf '<%s>' {plain}"
    assume(capture(["bash", "-nc", pasted]).returncode == 0)
    oracle = capture(["bash", "-c", pasted])
    assume(b"unexpected" not in oracle.stderr)
    entry_point = EntryPoint(name="main", parameters=DECLARED, command=f"printf '<%s>' {body}")
    ours = capture(entry_point.bind(HARMLESS).command.argv)
    assert (ours.stdout, ours.returncode) == (oracle.stdout, oracle.returncode)
    if "$" not in body and "`" not in body and "#" not in body and "<" not in body:
        wanted = oracle.stdout.replace(b"V1x", b"\1").replace(b"W2y", b"\2")
        wanted = wanted.replace(b"\1", HOSTILE["first"].encode()).replace(b"\2", HOSTILE["second"].encode())
        assert capture(entry_point.bind(HOSTILE).command.argv).stdout == wanted


def _plain(body: str) -> str | None:
    """The body as MLflow would paste harmless values into it; None where `str.format` cannot."""
    try:
        return body.format(**HARMLESS)
    except (ValueError, KeyError, IndexError):
        return None
