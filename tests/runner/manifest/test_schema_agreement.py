"""The JSON Schema and the loader judge every project file alike, both ways."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from runner.manifest import schema
from runner.manifest.definition import define
from runner.manifest.document import parse_document
from runner.manifest.findings import Findings

PROJECTS = Path(__file__).resolve().parents[2] / "projects"
# What is no document at all has nothing that a schema could judge.
UNREADABLE = {"bad-yaml", "bad-python-object", "bad-duplicate-keys"}
DOCUMENTS = [file for file in sorted(PROJECTS.glob("*/[Mm][Ll]*")) if file.parent.name not in UNREADABLE]
VALIDATOR = Draft202012Validator(json.loads(schema.text()))


def schema_accepts(document: object) -> bool:
    return VALIDATOR.is_valid(document)


def loader_accepts(text: str) -> bool:
    findings = Findings(Path("MLproject"))
    define(parse_document(text, Path("MLproject")), text, directory=Path(), findings=findings)
    return not any(problem.formal for problem in findings.problems)


words = st.sampled_from(
    ["main", "x y", "train.py", "--verbose", "-v", "verbose", "1e-3", "1.5", "", " ", "a=b", "{x}"]
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, -1.5]), words)
anything = st.one_of(scalars, st.lists(scalars, max_size=2), st.dictionaries(words, scalars, max_size=2))
types = st.sampled_from(
    [
        "string",
        "str",
        "float",
        "int",
        "bool",
        "path",
        "uri",
        "choice",
        "list",
        "banana",
        "integer",
        "Float",
        "",
    ]
)


def mostly(
    likely: st.SearchStrategy[object], unlikely: st.SearchStrategy[object] = anything
) -> st.SearchStrategy[object]:
    return st.integers(0, 9).flatmap(lambda n: unlikely if n == 0 else likely)


def maps(
    optional: dict[str, st.SearchStrategy[object]], unknown: list[str]
) -> st.SearchStrategy[dict[str, object]]:
    rare = {key: mostly(anything) for key in unknown}
    known = st.fixed_dictionaries({}, optional=optional)
    return st.tuples(known, mostly(st.just({}), st.fixed_dictionaries({}, optional=rare))).map(
        lambda pair: {**pair[0], **(pair[1] if isinstance(pair[1], dict) else {})}
    )


numbers = st.one_of(
    st.integers(0, 3), st.sampled_from(["1e-3", "2.", ".5", "-1E+4", "1_0", "0x1", "nan", "x"])
)
long_parameters = maps(
    {
        "type": mostly(types),
        "default": anything,
        "description": mostly(words),
        "optional": mostly(st.booleans()),
        "min": mostly(numbers),
        "max": mostly(numbers),
        "choices": mostly(st.lists(scalars, max_size=3)),
        "items": mostly(st.sampled_from(["string", "int", "float", "bool", "path"])),
        "flag": mostly(st.sampled_from(["--verbose", "-v", "verbose", "--a b", "-", "--x=1"])),
    },
    ["unit", "defualt", "minimum"],
)
parameter_names = st.sampled_from(["alpha", "learning-rate", "x y", "a{b}", "é", "on", "1"])
parameters = st.dictionaries(parameter_names, mostly(st.one_of(types, long_parameters)), max_size=3)
entry_points = maps(
    {"command": mostly(words), "parameters": mostly(parameters), "description": mostly(words)},
    ["comand", "note"],
).flatmap(lambda point: mostly(st.just({"command": "run", **point}), st.just(point)))
dockers = maps(
    {
        "image": mostly(words),
        "volumes": mostly(st.lists(mostly(words), max_size=2)),
        "environment": mostly(
            st.lists(
                mostly(st.one_of(words, st.tuples(words, scalars).map(list), st.lists(scalars))), max_size=2
            )
        ),
    },
    ["env", "gpus"],
)
documents = mostly(
    maps(
        {
            "name": mostly(words),
            "description": mostly(words),
            "entry_points": mostly(
                st.dictionaries(st.sampled_from(["main", "a b", "2"]), mostly(entry_points), max_size=2)
            ),
            "sweeps": mostly(st.dictionaries(words, anything, max_size=2)),
        },
        ["bogus", "entrypoints", "databricks_spark_job"],
    ).flatmap(
        lambda document: st.fixed_dictionaries(
            {},
            optional={"python_env": mostly(words), "conda_env": mostly(words), "docker_env": mostly(dockers)},
        ).flatmap(lambda environment: st.sampled_from([document, {**document, **environment}]))
    )
)


@given(document=documents)
@example(document={"docker_env": {"image": "x"}, "python_env": None, "conda_env": ""})
@example(
    document={
        "entry_points": {
            "m": {"command": "x", "parameters": {"p": {"type": "list", "items": "int", "min": "1e-3"}}}
        }
    }
)
@settings(max_examples=400, deadline=None)
def test_generated_documents_are_judged_alike(document: object) -> None:
    text = yaml.safe_dump(document)
    assert loader_accepts(text) == schema_accepts(document), text


@given(document=long_parameters)
@settings(max_examples=400, deadline=None)
def test_generated_parameters_are_judged_alike(document: object) -> None:
    whole = {"entry_points": {"main": {"command": "x {p}", "parameters": {"p": document}}}}
    assert loader_accepts(yaml.safe_dump(whole)) == schema_accepts(whole)


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.parent.name)
def test_the_projects_here_are_judged_alike(file: Path) -> None:
    text = file.read_text()
    assert loader_accepts(text) == schema_accepts(yaml.safe_load(text))


def test_bad_and_good_projects_are_told_apart() -> None:
    beyond_a_schema = {
        "bad-defaults",
        "bad-missing-environment-file",
        "bad-missing-script",
        "bad-placeholders",
    }
    for file in DOCUMENTS:
        name = file.parent.name
        expected = not name.startswith("bad-") or name in beyond_a_schema
        accepted = schema_accepts(yaml.safe_load(file.read_text()))
        assert accepted == (expected and name != "harmless-extras"), name


def test_the_schema_is_a_valid_one_and_describes_every_key() -> None:
    content = json.loads(schema.text())
    Draft202012Validator.check_schema(content)
    definitions = content["$defs"]
    for properties in (
        content["properties"],
        *(definitions[name]["properties"] for name in ("entryPoint", "parameter", "dockerEnvironment")),
    ):
        for key, value in properties.items():
            assert value.get("description") or value.get("$ref") == "#/$defs/description", key


def test_the_schema_is_found_beside_the_module_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "runner" / "manifest"
    package.mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(schema, "__file__", str(package / "schema.py"))
        with pytest.raises(FileNotFoundError, match="install runner again"):
            schema.path()
        (tmp_path / schema.FILE_NAME).write_text("{}")
        assert schema.path() == tmp_path / schema.FILE_NAME
        (package / schema.FILE_NAME).write_text("[]")
        assert schema.text() == "[]"
