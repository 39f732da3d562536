"""What must be installed for a model."""

from __future__ import annotations

import decimal
import pickle
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

import tracking_client as tracking
from tests.tracking_client.models import samples
from tests.tracking_client.models.mlflow_quietly import mlflow, quiet
from tests.tracking_client.scripts import Scripts
from tracking_client.errors import InvalidArgument
from tracking_client.models.modules_used import modules_named_in_pickle, modules_of_source


def _lines(directory: Path, name: str = "requirements.txt") -> list[str]:
    return (directory / name).read_text().splitlines()


def _pin(name: str) -> str:
    return f"{name}=={metadata.version(name)}"


def test_requirements_are_pins_of_what_the_model_needs_and_constraints_of_what_that_needs(
    tmp_path: Path,
) -> None:
    tracking.sklearn.save_model(samples.fitted(), tmp_path / "model", input_example=samples.TABLE)
    lines = _lines(tmp_path / "model")
    assert lines[0] == _pin("mlflow")
    assert {_pin(name) for name in ("scikit-learn", "skops", "numpy", "pandas")} <= set(lines)
    assert {_pin("scipy"), _pin("joblib")} <= set(_lines(tmp_path / "model", "constraints.txt"))
    assert not any(line.startswith(("pytest", "runner")) for line in lines)
    conda = yaml.safe_load((tmp_path / "model/conda.yaml").read_text())
    assert conda["dependencies"][-1] == {"pip": lines}
    python_env = yaml.safe_load((tmp_path / "model/python_env.yaml").read_text())
    assert python_env["dependencies"] == ["-r requirements.txt"]


def test_mlflow_finds_the_requirements_met_here(tmp_path: Path) -> None:
    tracking.sklearn.save_model(samples.fitted(), tmp_path / "model")
    with quiet():
        told = mlflow.pyfunc.get_model_dependencies(str(tmp_path / "model"))
    assert Path(told).read_text().splitlines() == _lines(tmp_path / "model")


def test_modules_that_a_function_uses_are_required(tmp_path: Path) -> None:
    import polars as pl

    def counted(model_input: Any) -> Any:
        import scipy  # only named in the code

        return pl.DataFrame(model_input), scipy

    counted.__module__ = "__main__"
    tracking.pyfunc.save_model(tmp_path / "model", python_model=counted)
    assert {_pin("polars"), _pin("scipy"), _pin("cloudpickle")} <= set(_lines(tmp_path / "model"))


def test_requirements_may_be_given_or_added(tmp_path: Path) -> None:
    extra = tmp_path / "extra.txt"
    extra.write_text("# more\nrequests>=2 # for HTTP\n\nnumpy>=1\n")
    tracking.sklearn.save_model(samples.fitted(), tmp_path / "added", extra_pip_requirements=extra)
    added = _lines(tmp_path / "added")
    assert {"requests>=2", "numpy>=1", _pin("scikit-learn")} <= set(added)
    assert _pin("numpy") not in added
    tracking.sklearn.save_model(samples.fitted(), tmp_path / "given", pip_requirements=["scikit-learn>1"])
    assert _lines(tmp_path / "given") == [_pin("mlflow"), "scikit-learn>1"]
    assert not (tmp_path / "given/constraints.txt").exists()


def test_an_environment_of_conda_replaces_all(tmp_path: Path) -> None:
    conda = {"name": "mine", "dependencies": ["python=3.11", {"pip": ["scikit-learn"]}]}
    tracking.sklearn.save_model(samples.fitted(), tmp_path / "model", conda_env=conda)
    assert yaml.safe_load((tmp_path / "model/conda.yaml").read_text()) == conda
    assert _lines(tmp_path / "model") == ["scikit-learn"]


@pytest.mark.parametrize(
    "options",
    [
        {"pip_requirements": ["a"], "extra_pip_requirements": ["b"]},
        {"pip_requirements": ["a"], "conda_env": {}},
        {"pip_requirements": "no such file"},
        {"pip_requirements": ["a\nb"]},
        {"extra_pip_requirements": [3]},
        {"conda_env": "no such file"},
        {"code_paths": "a string"},
        {"code_paths": ["no such directory"]},
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        tracking.sklearn.save_model(samples.fitted(), tmp_path / "model", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_module_that_would_not_travel_is_told_of(tmp_path: Path, scripts: Scripts) -> None:
    (scripts.directory / "own_rules.py").write_text("def rule(data):\n    return data\n")
    done = scripts.run(
        "import sys\nsys.path.insert(0, '.')\nimport own_rules, tracking_client as tracking\n"
        "tracking.pyfunc.save_model('model', python_model=own_rules.rule)\n"
        "tracking.pyfunc.save_model('complete', python_model=own_rules.rule, code_paths=['own_rules.py'])\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("code_paths") == 1
    assert "needs own_rules" in done.stderr


def test_imports_of_code_are_those_that_it_does_not_bring_itself(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("from . import part\nimport os, yaml.nodes\n")
    (package / "part.py").write_text("import package\nfrom numpy.linalg import norm\n")
    (package / "broken.py").write_text("import (")
    assert modules_of_source(package) == {"yaml", "numpy"}


def test_nothing_is_imported_to_find_the_requirements(tmp_path: Path, scripts: Scripts) -> None:
    done = scripts.run(
        "import sys\nimport tracking_client as tracking\n"
        "tracking.pyfunc.save_model('model', python_model=lambda data: data)\n"
        "print(*{'numpy', 'pandas', 'sklearn', 'mlflow', 'keras'} & set(sys.modules))\n"
    )
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_read_for_its_modules_without_being_opened(tmp_path: Path, protocol: int) -> None:
    from sklearn.linear_model import LinearRegression

    classes = [LinearRegression, decimal.Decimal, yaml.nodes.Node, LinearRegression, yaml.nodes.ScalarNode]
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps([*classes, "pandas", {"numpy": 1}], protocol))
    assert modules_named_in_pickle(path) == {"sklearn", "yaml"}
