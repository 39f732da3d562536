from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import SettingsError
from runner.settings import SETTINGS, read_settings


def test_defaults_lie_in_the_users_own_folders() -> None:
    settings = read_settings({"HOME": "/h"})

    assert settings.cache_dir == Path("/h/.cache/runner")
    assert settings.state_dir == Path("/h/.local/state/runner")
    assert settings.origins["cache_dir"] == "default"


def test_a_variable_wins_over_the_file_and_each_value_says_where_it_is_from(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("grace_s: 3\nenv_manager: uv\n")

    settings = read_settings({"HOME": "/h", "RUNNER_CONFIG": str(config), "RUNNER_GRACE_S": "0.5"})

    assert (settings.grace_s, settings.origins["grace_s"]) == (0.5, "RUNNER_GRACE_S")
    assert (settings.env_manager, settings.origins["env_manager"]) == ("uv", str(config))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("grace: 3\n", "did you mean 'grace_s'"),
        ("grace_s: soon\n", "soon"),
        ("[1]\n", "a map of settings"),
        ("a: [\n", "not YAML"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(text)

    with pytest.raises(SettingsError) as caught:
        read_settings({"HOME": "/h", "RUNNER_CONFIG": str(config)})

    assert complaint in f"{caught.value} {caught.value.hint}"
    assert str(config) in str(caught.value)


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(SettingsError, match="grace_s from RUNNER_GRACE_S"):
        read_settings({"HOME": "/h", "RUNNER_GRACE_S": "-1"})


def test_every_setting_is_documented(repository: Path) -> None:
    page = (repository / "docs/reference/settings.md").read_text()

    assert [s.name for s in SETTINGS if f"`{s.name}`" not in page or f"`{s.variable}`" not in page] == []
