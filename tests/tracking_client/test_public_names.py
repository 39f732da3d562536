"""What the package offers, and what importing it costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tracking_client
from tracking_client import (
    artifacts,
    data,
    fluent,
    fluent_artifacts,
    fluent_inputs,
    fluent_logged_models,
    fluent_registry,
)

_SOURCE = Path(tracking_client.__file__)


def _typed_names() -> set[str]:
    """The names that a type checker sees: those of the imports under TYPE_CHECKING."""
    return {
        alias.name
        for statement in ast.parse(_SOURCE.read_text()).body
        if isinstance(statement, ast.If)
        for node in statement.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_what_a_type_checker_sees_is_what_there_is() -> None:
    assert sorted(tracking_client.__all__) == list(tracking_client.__all__)
    assert _typed_names() == set(tracking_client.__all__)
    for module in (fluent, fluent_artifacts, fluent_inputs, fluent_logged_models, fluent_registry):
        assert set(module.__all__) <= set(tracking_client.__all__)
    assert set(data.__all__) <= set(dir(data))
    assert set(artifacts.__all__) <= set(dir(artifacts))
    assert set(tracking_client.__all__) <= set(dir(tracking_client))


@pytest.mark.parametrize("name", tracking_client.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    value = getattr(tracking_client, name)
    assert value.__doc__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = tracking_client.nonsense  # type: ignore[attr-defined]


def test_importing_loads_neither_the_network_nor_the_server() -> None:
    source = (
        "import sys; from tracking_client import start_run, TrackingClient; "
        "from tracking_client import artifacts, data, log_image, log_input, register_model, get_logged_model; "
        "from tracking_client import keras, pyfunc, sklearn, tensorflow; "
        "heavy = {'sklearn', 'keras', 'tensorflow', 'cloudpickle', 'skops', 'urllib3', 'requests', 'ssl', 'http.client', 'subprocess', 'tracking_server', 'numpy', 'pandas', 'polars', 'yaml', 'PIL', 'botocore'}; "
        "print(*heavy & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=_SOURCE.parents[1], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_the_package_alone_loads_nothing_at_all() -> None:
    source = (
        "import sys; before = set(sys.modules); import tracking_client; print(*set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=_SOURCE.parents[1], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["tracking_client"]
