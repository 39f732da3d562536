"""What the reference says about sweeps is true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runner.manifest import schema
from runner.manifest.check import check
from runner.manifest.sweeps.word_tables import METHOD, MOVES, SWEEP, ours_for, squashed
from runner.model.sweep import METHODS
from runner.search.options import engines_of

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = (ROOT / "docs" / "reference" / "sweeps.md").read_text("utf-8")
DEFINITIONS = json.loads(schema.text())["$defs"]
SECTIONS = {
    section.partition("\n")[0].strip("` "): section
    for section in re.split(r"^## ", REFERENCE, flags=re.MULTILINE)
}
ENTRY_POINTS = """
entry_points:
  train:
    parameters: {learning_rate: {type: float, default: 0.1}, momentum: {type: float, default: 0}}
    command: python train.py --learning-rate {learning_rate} --momentum {momentum}
"""


def rows(section: str) -> list[list[str]]:
    table = [line for line in SECTIONS[section].splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize(
    ("section", "definitions"),
    [
        ("The fields of a sweep", ["sweep"]),
        ("Parameters", ["searchedValue", "searchedValues", "searchedRange", "searchedNormal"]),
        ("metric", ["metric"]),
        ("constraints", ["constraint"]),
        ("early_terminate", ["earlyTerminate"]),
        ("stop", ["stop"]),
        ("retries", ["retries"]),
        ("repeats", ["repeats"]),
        ("trial_seed", ["trialSeed"]),
        ("baseline", ["baseline"]),
        ("resources", ["resources"]),
    ],
)
def test_every_key_is_in_the_table_of_its_section_and_none_that_is_not(
    section: str, definitions: list[str]
) -> None:
    listed = {name for row in rows(section) for name in named(row[0]) if name.isidentifier()}
    assert listed == {key for name in definitions for key in DEFINITIONS[name]["properties"]}


def test_every_word_of_a_field_is_in_its_section() -> None:
    words = {
        "The fields of a sweep": [*DEFINITIONS["sweep"]["properties"]["on_failure"]["enum"], "auto"],
        "metric": DEFINITIONS["metric"]["properties"]["mode"]["enum"],
        "early_terminate": DEFINITIONS["rule"]["enum"],
        "retries": DEFINITIONS["cause"]["enum"],
        "trial_seed": DEFINITIONS["trialSeed"]["properties"]["mode"]["enum"],
        "repeats": DEFINITIONS["repeats"]["properties"]["aggregate"]["enum"],
    }
    assert [
        word for section, known in words.items() for word in known if f"`{word}`" not in SECTIONS[section]
    ] == []


def test_every_method_is_listed_with_its_engines_the_first_one_first() -> None:
    listed = {named(row[0])[0]: named(row[1]) for row in rows("Methods")}
    assert listed == {method: engines_of(method) for method in METHODS}


def test_others_words_in_the_tables_are_understood() -> None:
    for row in rows("The fields of a sweep"):
        for word in named(row[3]):
            moved = [
                section
                for (section, _), theirs in MOVES.items()
                if squashed(word) in map(squashed, theirs.split())
            ]
            known = ours_for(SWEEP, word) or next(iter(moved), None)
            assert known in (named(row[0])[0], None), word
            assert known or squashed(word) == "failontrialerror", word
    for row in rows("Methods"):
        assert [word for word in named(row[3]) if ours_for(METHOD, word) != named(row[0])[0]] == []


@pytest.mark.parametrize("page", ["README.md", "docs/reference/sweeps.md"])
def test_the_first_example_has_no_problems(page: str, tmp_path: Path) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    first = next(example for example in examples if example.startswith("sweeps:"))
    (tmp_path / "MLproject").write_text(ENTRY_POINTS + first)
    (tmp_path / "train.py").write_text("import sys\n")
    assert check(tmp_path, env_manager="local") == []


def test_every_way_to_write_a_parameter_is_one(tmp_path: Path) -> None:
    names = ["epochs", "optimizer", "momentum", "learning_rate", "layers", "noise"]
    types = dict.fromkeys(names, "float") | {"epochs": "int", "layers": "int", "optimizer": "string"}
    declared = ", ".join(f"{name}: {{type: {types[name]}, default: 1}}" for name in names)
    command = " ".join(f"{{{name}}}" for name in names)
    (tmp_path / "train.py").write_text("import sys\n")
    for row in rows("Parameters"):
        (written,) = named(row[0])[:1]
        if ":" not in written:
            continue
        other = "optimizer: [sgd, adam]" if not written.startswith("optimizer") else "momentum: [0.5, 0.6]"
        (tmp_path / "MLproject").write_text(
            f"entry_points: {{main: {{command: 'python train.py {command}', parameters: {{{declared}}}}}}}\n"
            f"sweeps: {{s: {{metric: loss, max_trials: 2, parameters: {{{written}, {other}}}}}}}\n"
        )
        assert check(tmp_path, env_manager="local") == [], written
