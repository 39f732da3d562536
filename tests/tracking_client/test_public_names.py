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
from tracking_client.wire import entities

_SOURCE = Path(tracking_client.__file__)


def _typed_names(source: Path = _SOURCE) -> set[str]:
    """The names that a type checker sees: those of the imports under TYPE_CHECKING."""
    return {
        alias.name
        for statement in ast.parse(source.read_text()).body
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


def test_a_type_checker_sees_every_noun_of_the_wire_and_no_other() -> None:
    assert _typed_names(Path(entities.__file__)) == set(entities.__all__)
    assert set(entities.__all__) <= set(dir(entities))
    assert all(getattr(entities, name) for name in entities.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = entities.nonsense  # type: ignore[attr-defined]


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
    assert _printed(source) == ""


def test_naming_what_a_training_calls_loads_nothing_that_only_others_need() -> None:
    source = (
        "import sys; from tracking_client import start_run, log_metric, log_param, log_artifact; "
        "needless = {'artifact_stores', 'images', 'tables', 'journal.syncing', 'model_uri', 'wire.datasets', "
        "'wire.experiments', 'wire.file_infos', 'wire.logged_models', 'wire.model_versions', 'wire.registered_models'}; "
        "library = {'hashlib', 'random', 'shutil', 'socket', 'tempfile', 'uuid'}; "
        "loaded = set(sys.modules); print(*({f'tracking_client.{name}' for name in needless} | library) & loaded)"
    )
    assert _printed(source) == ""


def test_threads_and_forked_children_may_name_anything_at_any_time() -> None:
    source = """
import threading, tracking_client as client

together, found = threading.Barrier(8), []

def name_all():
    together.wait()
    found.append([getattr(client, name) for name in client.__all__])

threads = [threading.Thread(target=name_all) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(found) == 8
assert all(other is value for names in found for other, value in zip(names, found[0]))
"""
    assert _printed(source) == ""
    forked = """
import os, tracking_client as client

client.start_run
child = os.fork()
if not child:
    os._exit(0 if all(getattr(client, name) for name in client.__all__) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    assert _printed(forked) == ""


def _printed(source: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=_SOURCE.parents[1], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_package_alone_loads_nothing_at_all() -> None:
    source = (
        "import sys; before = set(sys.modules); import tracking_client; print(*set(sys.modules) - before)"
    )
    assert _printed(source) == "tracking_client"
