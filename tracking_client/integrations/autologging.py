"""Which libraries are watched, and what is logged of their training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tracking_client import notice

AUTOLOGGING_TAG = "mlflow.autologging"
"""Of a run that was started for a training: the library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Autologging:
    """How trainings of one library are logged; MLflow's names, see the `autolog` functions."""

    framework: str
    log_models: bool = True
    log_input_examples: bool = False
    log_model_signatures: bool = True
    log_datasets: bool = True
    exclusive: bool = False
    silent: bool = False
    registered_model_name: str | None = None
    extra_tags: Mapping[str, str] = field(default_factory=dict)

    def say(self, line: str) -> None:
        """Tells the user, unless silence was asked for."""
        if not self.silent:
            notice.say(f"{self.framework} autologging: {line}")

    @contextmanager
    def without_harm(self, what: str) -> Iterator[None]:
        """Logs `what`; where that fails, says so: the user's own call goes on whatever happens here."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # estimators and servers may fail in any way
            self.say(f"{what} could not be logged: {type(error).__name__}: {error!s:.300}")


_in_force: dict[str, Autologging] = {}


def turn_on(settings: Autologging) -> None:
    """Makes `settings` those of its library."""
    _in_force[settings.framework] = settings


def turn_off(library: str) -> None:
    """Watches no training of `library` any longer."""
    _in_force.pop(library, None)


def in_force(library: str) -> Autologging | None:
    """The settings of a library that is watched."""
    return _in_force.get(library)


__all__ = ["AUTOLOGGING_TAG", "Autologging", "in_force", "turn_off", "turn_on"]
