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
counts = st.one_of(st.integers(-1, 3), st.sampled_from([2.0, 2.5, "3", 2**63]))
figures = st.one_of(numbers, st.sampled_from([0.5, True]))
durations = st.sampled_from(["90s", "2h", "1h30m", "h", "5", "1.5d", "-1s", 30, 0.5, 0, True])
plain_maps = st.dictionaries(words, mostly(words), max_size=2)


def one_of(*known: str) -> st.SearchStrategy[object]:
    return mostly(st.sampled_from(known))


searched = st.one_of(
    mostly(words),
    mostly(st.lists(scalars, max_size=3)),
    maps(
        {
            "value": mostly(words),
            "values": mostly(st.lists(st.one_of(scalars, st.lists(scalars, max_size=1)), max_size=2)),
            "probabilities": mostly(st.just([0.5, "5e-1"])),
            "when": mostly(st.dictionaries(words, mostly(st.one_of(words, st.lists(scalars))), max_size=1)),
        },
        ["chioces", "choices", "distribution"],
    ),
    maps(
        {
            "min": mostly(figures),
            "max": mostly(figures),
            "log": mostly(st.booleans()),
            "step": mostly(figures),
            "type": one_of("int", "float", "integer", "banana"),
        },
        ["low", "sigma", "values", "type "],
    ),
    st.just({"min": 0, "max": 1}).flatmap(
        lambda whole: maps(
            {"log": st.booleans(), "step": mostly(figures), "when": st.just({"a": 1})}, ["q", "mu"]
        ).map(lambda more: {**whole, **more})
    ),
    maps({"mu": mostly(figures), "sigma": mostly(figures), "log": st.booleans()}, ["std", "min"]),
)
metrics = maps(
    {
        "name": mostly(words),
        "goal": one_of("minimize", "maximize", "min"),
        "mode": one_of("last", "best", "latest"),
        "target": mostly(figures),
    },
    ["type", "direction"],
)
whole_metrics = st.just({"name": "loss"}).flatmap(lambda name: metrics.map(lambda more: {**name, **more}))
early = maps(
    {
        "type": one_of("none", "asha", "hyperband", "target", "medianstop"),
        "metric": mostly(words),
        "min_iter": mostly(counts),
        "max_iter": mostly(counts),
        "eta": mostly(figures),
        "brackets": mostly(counts),
        "min_trials": mostly(counts),
        "interval": mostly(counts),
        "percentile": mostly(figures),
        "patience": mostly(counts),
        "min_delta": mostly(figures),
        "target": mostly(figures),
    },
    ["s", "grace_period", "min_itr"],
)
causes = st.sampled_from(["lost", "any", "timeout", "oom", "stopped"])
sweeps = maps(
    {
        "entry_point": mostly(words),
        "description": mostly(words),
        "method": one_of("tpe", "grid", "random", "bayes", "nsga2"),
        "engine": one_of("auto", "hyperopt", "optuna", "ray"),
        "engine_options": mostly(st.dictionaries(st.sampled_from(["gamma", "n_startup_jobs"]), scalars)),
        "metric": mostly(st.one_of(words, whole_metrics, metrics)),
        "metrics": mostly(st.lists(st.one_of(whole_metrics, metrics), max_size=2)),
        "constraints": mostly(
            st.lists(
                maps(
                    {
                        "metric": mostly(words),
                        "min": mostly(figures),
                        "relative_to": one_of("baseline", "best"),
                    },
                    ["limit"],
                ),
                max_size=1,
            )
        ),
        "parameters": mostly(st.dictionaries(parameter_names, mostly(searched), max_size=3)),
        "max_trials": mostly(counts),
        "parallel": mostly(counts),
        "early_terminate": mostly(st.one_of(st.sampled_from(["none", "asha", "ASHA"]), early)),
        "stop": mostly(
            maps(
                {
                    "target": mostly(figures),
                    "no_improvement": mostly(counts),
                    "max_time": mostly(durations),
                    "max_failed_trials": mostly(counts),
                    "max_failure_rate": mostly(figures),
                },
                ["patience"],
            )
        ),
        "retries": mostly(
            st.one_of(
                counts,
                maps({"max": mostly(counts), "on": mostly(st.one_of(causes, st.lists(causes)))}, ["limit"]),
            )
        ),
        "timeout": mostly(durations),
        "on_failure": one_of("worst", "abort", "raise"),
    },
    ["run_cap", "parralel", "mode", "algorithm", "max_failure_rate", "bogus"],
)
more_sweeps = maps(
    {
        "seed": mostly(counts),
        "trial_seed": mostly(
            st.one_of(
                words, maps({"parameter": mostly(words), "mode": one_of("fixed", "per_trial", "trial")}, [])
            )
        ),
        "repeats": mostly(
            st.one_of(
                counts,
                maps(
                    {"n": mostly(counts), "aggregate": one_of("mean", "sum"), "top_k": mostly(counts)},
                    ["count"],
                ),
            )
        ),
        "deterministic": mostly(st.booleans()),
        "window": mostly(counts),
        "baseline": mostly(
            maps({"parameters": mostly(plain_maps), "cap": mostly(st.booleans())}, ["params"])
        ),
        "initial_points": mostly(st.lists(mostly(plain_maps), max_size=2)),
        "warm_start": mostly(st.one_of(words, st.lists(mostly(words), max_size=2))),
        "reuse_finished": mostly(st.booleans()),
        "resources": mostly(
            maps(
                {
                    "cpus": mostly(counts),
                    "gpus": mostly(counts),
                    "memory": mostly(st.sampled_from(["32G", "1.5 GiB", "G", 5, 1.5, "12"])),
                },
                ["cpu"],
            )
        ),
        "warm": mostly(st.booleans()),
    },
    ["prior_run", "trial-seed", "n_jobs"],
)
documents = mostly(
    maps(
        {
            "name": mostly(words),
            "description": mostly(words),
            "entry_points": mostly(
                st.dictionaries(st.sampled_from(["main", "a b", "2"]), mostly(entry_points), max_size=2)
            ),
            "sweeps": mostly(st.dictionaries(words, mostly(sweeps), max_size=1)),
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
@settings(max_examples=400)
def test_generated_documents_are_judged_alike(document: object) -> None:
    text = yaml.safe_dump(document)
    assert loader_accepts(text) == schema_accepts(document), text


@given(document=long_parameters)
@settings(max_examples=400)
def test_generated_parameters_are_judged_alike(document: object) -> None:
    whole = {"entry_points": {"main": {"command": "x {p}", "parameters": {"p": document}}}}
    assert loader_accepts(yaml.safe_dump(whole)) == schema_accepts(whole)


@given(document=st.one_of(sweeps, more_sweeps))
@settings(max_examples=300)
def test_generated_sweeps_are_judged_alike(document: object) -> None:
    whole = {"sweeps": {"s": document}}
    text = yaml.safe_dump(whole)
    assert loader_accepts(text) == schema_accepts(whole), text


@given(parameters=st.dictionaries(parameter_names, searched, min_size=1, max_size=2))
@settings(max_examples=300)
def test_generated_searched_parameters_are_judged_alike(parameters: object) -> None:
    whole = {"sweeps": {"s": {"parameters": parameters}}}
    text = yaml.safe_dump(whole)
    assert loader_accepts(text) == schema_accepts(whole), text


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
        "bad-sweeps",
    }
    good_for_the_loader_alone = {"harmless-extras", "sweeps-in-other-words"}
    for file in DOCUMENTS:
        name = file.parent.name
        expected = not name.startswith("bad-") or name in beyond_a_schema
        accepted = schema_accepts(yaml.safe_load(file.read_text()))
        assert accepted == (expected and name not in good_for_the_loader_alone), name


DESCRIBED = {"#/$defs/description", "#/$defs/when"}


def test_the_schema_is_a_valid_one_and_describes_every_key() -> None:
    content = json.loads(schema.text())
    Draft202012Validator.check_schema(content)
    definitions = content["$defs"]
    for properties in (
        content["properties"],
        *(
            definition["properties"]
            for definition in definitions.values()
            if "additionalProperties" in definition and "properties" in definition
        ),
    ):
        for key, value in properties.items():
            assert value.get("description") or value.get("$ref") in DESCRIBED, key


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
