"""Real environments are built in every one of these tests, without a network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.environments.usage import forget_uses
from tests.runner.environments.workshop import Workshop


@pytest.fixture
def workshop(tmp_path: Path, _own_home: None) -> Iterator[Workshop]:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "PYENV_"))
    }
    environ["PIP_CONFIG_FILE"] = os.devnull
    environ["UV_OFFLINE"] = "1"
    environ["UV_CACHE_DIR"] = str(tmp_path / "uv-cache")
    yield Workshop(cache_dir=tmp_path / "cache", wheels=wheels, environ=environ)
    forget_uses()
