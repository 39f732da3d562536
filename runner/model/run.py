"""The values of one run: what is wished, what is ordered, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from runner.model.command import Command
from runner.model.environment import EnvironmentSpec
from runner.model.project import EntryPoint
from runner.model.source import Checkout


class RunStatus(str, Enum):
    """MLflow's statuses of a run, as the wire spells them."""

    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """An unresolved wish, from the command line or the Python API.

    `parameters` are the `-P` values as text. `run_id` names a run that exists already and is to be used.
    """

    uri: str
    entry_point: str = "main"
    version: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    experiment_name: str | None = None
    experiment_id: str | None = None
    run_id: str | None = None
    run_name: str | None = None
    parent_run_id: str | None = None
    env_manager: str | None = None
    docker_args: Mapping[str, str | bool] = field(default_factory=dict)
    build_image: bool = False
    storage_dir: Path | None = None
    backend: str = "local"
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """A resolved order, complete: performing it needs nothing else.

    `params` are the values as they are recorded: all declared parameters that have one, and the extra ones.
    `downloads` are (parameter, URI) of those whose value must be fetched (to `storage_dir`) and bound again.
    `base` is where relative paths among the params start (None: the working directory); `within` are path
    parameters that lead into the sources, relative to their top: they are bound again to the run's own copy.
    `variables` are added to the program's environment: a trial's share of the machine's GPUs. `keep` is where
    what the program wrote into its own copy of the sources is kept; None: it goes with the copy. `warm`
    allows that the program is forked from a process that has imported its modules (see `runner.warm`).
    """

    checkout: Checkout
    project_name: str | None = None
    entry_point: EntryPoint
    command: Command
    params: Mapping[str, str]
    downloads: tuple[tuple[str, str], ...] = ()
    storage_dir: Path | None = None
    environment: EnvironmentSpec
    tracking_uri: str
    experiment_name: str | None = None
    experiment_id: str | None = None
    run_id: str | None = None
    run_name: str | None = None
    parent_run_id: str | None = None
    docker_args: Mapping[str, str | bool] = field(default_factory=dict)
    build_image: bool = False
    backend: str = "local"
    tags: Mapping[str, str] = field(default_factory=dict)
    base: Path | None = None
    within: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    keep: Path | None = None
    warm: bool = False

    def rebind(
        self, parameters: Mapping[str, str], *, run_id: str | None = None, run_name: str | None = None
    ) -> RunSpec:
        """The same order with other parameters: nothing is fetched or parsed again.

        Raises ParameterError as `EntryPoint.bind` does.
        """
        binding = self.entry_point.bind(parameters, base=self.base)
        return replace(
            self,
            command=binding.command,
            params=binding.params,
            downloads=binding.downloads,
            run_id=run_id,
            run_name=run_name,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a run. `tail` is the last of its output, redacted, for a message to people.

    `exit_code` is the program's (None where it never started); a program ended by a signal has the
    negative signal number, as in `subprocess`. Where `is_all_sent` is False, the server was away, and some of
    what the program logged waits on this machine to be sent.
    """

    run_id: str
    run_name: str
    status: RunStatus
    exit_code: int | None
    seconds: float
    log_path: Path | None = None
    tail: str = ""
    reason: str = ""
    is_all_sent: bool = True

    def __bool__(self) -> bool:
        """Whether the run finished well."""
        return self.status is RunStatus.FINISHED
