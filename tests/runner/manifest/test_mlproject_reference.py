"""What the reference says about the file is true."""

from __future__ import annotations

import json
import re
from pathlib import Path

from runner.manifest import schema
from runner.manifest.check import check
from runner.model.parameter import PARAMETER_KINDS

REFERENCE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "mlproject.md").read_text("utf-8")


def test_every_key_and_type_is_described() -> None:
    content = json.loads(schema.text())
    keys = {*content["properties"], *PARAMETER_KINDS}
    for name in ("entryPoint", "parameter", "dockerEnvironment"):
        keys |= set(content["$defs"][name]["properties"])
    assert {key for key in keys if f"`{key}`" not in REFERENCE} == set()


def test_the_example_has_no_problems(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", REFERENCE, re.DOTALL)
    (tmp_path / "MLproject").write_text(example)
    (tmp_path / "python_env.yaml").write_text("dependencies: []\n")
    (tmp_path / "train.py").write_text("import sys\n")
    assert check(tmp_path, env_manager="local") == []
