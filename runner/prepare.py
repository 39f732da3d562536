"""RunRequest -> RunSpec: fetch the sources, load the project, bind the parameters. Starts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runner.environments.current import inherited_manager
from runner.errors import ParameterError, RequestError
from runner.events import CheckoutReady, Listener, Warned
from runner.manifest.load import load
from runner.model.project import Binding, EntryPoint, Project
from runner.model.run import RunRequest, RunSpec
from runner.model.source import Checkout
from runner.model.space import text_of
from runner.model.sweep import Sweep
from runner.model.sweep_order import SweepOrder
from runner.recording.limits import check_metrics, check_recordable
from runner.recording.parent import current_experiment, current_parent
from runner.settings import Settings
from runner.sources.fetch import fetch
from runner.sources.path_parameters import paths_within
from runner.sources.reference import parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What surrounds a request: settings, environment variables, and where runs are tracked."""

    settings: Settings
    environ: Mapping[str, str]
    tracking_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedProject:
    """A project whose sources are on disk; of the experiment at most one of name and id is set."""

    checkout: Checkout
    project: Project
    experiment_name: str | None
    experiment_id: str | None


def prepare(request: RunRequest, wishes: Wishes, listener: Listener) -> RunSpec:
    """The complete order for `request`.

    Raises RequestError where the request or the project is wrong, SourceError where it cannot be fetched.
    """
    return order_run(open_project(request, wishes, listener), request, wishes, listener)


def open_project(request: RunRequest, wishes: Wishes, listener: Listener) -> OpenedProject:
    """Fetches the sources and loads the project. Raises as `prepare` does."""
    settings = wishes.settings
    name, id_ = _experiment(request, wishes)
    checkout = fetch(parse(request.uri, request.version), settings=settings, listener=listener)
    listener(CheckoutReady(directory=checkout.directory, description=checkout.provenance.source_name))
    project = load_project(checkout.directory, request.env_manager, wishes)
    if project.environment.kind != "docker":
        _refuse_docker_options(request)
    for warning in (*project.warnings, *project.environment.notes):
        listener(Warned(message=warning))
    return OpenedProject(checkout=checkout, project=project, experiment_name=name, experiment_id=id_)


def load_project(directory: Path, env_manager: str | None, wishes: Wishes) -> Project:
    """The project in `directory`. Raises ManifestError."""
    return load(
        directory,
        env_manager=env_manager or wishes.settings.env_manager,
        inherited_manager=lambda declared: inherited_manager(wishes.environ, declared),
    )


def order_run(opened: OpenedProject, request: RunRequest, wishes: Wishes, listener: Listener) -> RunSpec:
    """The order to run the entry point that `request` names. Raises RequestError."""
    entry_point = opened.project.entry_point(request.entry_point)
    binding = entry_point.bind(request.parameters)
    for warning in binding.warnings:
        listener(Warned(message=warning))
    spec = _spec(opened, request, wishes, entry_point, binding)
    check_recordable(spec)
    return spec


def order_sweep(
    opened: OpenedProject,
    request: RunRequest,
    wishes: Wishes,
    options: Mapping[str, str],
    *,
    base: Path,
) -> SweepOrder:
    """The order for the sweep that `request` names; its parameters are fixed, its `options` override.

    `base` is where relative paths start. Raises RequestError.
    """
    from runner.manifest.sweeps.overrides import overridden

    if request.run_id:
        raise RequestError(
            "a sweep makes a run of its own",
            hint="leave --run-id out; `runner sweep resume` goes on with one",
        )
    declared = opened.project.sweeps[request.entry_point]
    sweep = overridden(
        declared, options, parameters=request.parameters, entry_points=opened.project.entry_point
    )
    entry_point = opened.project.entry_point(sweep.entry_point)
    check_metrics(sweep)
    sweep = _with_own_paths(sweep, entry_point, opened.project, given=request.parameters)
    binding = entry_point.bind(sample_parameters(sweep), base=base)
    _check_baseline(sweep, entry_point, base)
    provenance = opened.checkout.provenance
    within = paths_within(
        entry_point, sweep.fixed, base=base, top=provenance.repository_root or opened.checkout.directory
    )
    trial = replace(
        _spec(opened, request, wishes, entry_point, binding), run_name=None, base=base, within=within
    )
    check_recordable(trial)
    return SweepOrder(sweep=sweep, trial=trial, env_manager=request.env_manager, run_name=request.run_name)


def _check_baseline(sweep: Sweep, entry_point: EntryPoint, base: Path) -> None:
    """It is given no parameter that is searched: each of those needs a value here, or a default."""
    if sweep.baseline is None:
        return
    seed = {sweep.trial_seed.parameter: "0"} if sweep.trial_seed else {}
    try:
        entry_point.bind({**sweep.fixed, **seed, **sweep.baseline.parameters}, base=base)
    except ParameterError as error:
        where = f"{sweep.path}:{sweep.line}: " if sweep.path is not None else ""
        raise ParameterError(
            f"{where}the baseline of sweep {sweep.name!r}: {error}",
            name=error.name,
            hint=f"add {error.name} to the baseline's parameters, or give it a default in the entry point",
        ) from None


def _with_own_paths(
    sweep: Sweep, entry_point: EntryPoint, project: Project, *, given: Mapping[str, str]
) -> Sweep:
    """Paths that stand in the project's file start from the project, as a parameter's default does."""
    found = {}
    for parameter in entry_point.parameters:
        value = sweep.fixed.get(parameter.name)
        if value is None or parameter.name in given or parameter.kind not in ("path", "uri"):
            continue
        place = project.directory / value
        if "://" not in value and not Path(value).is_absolute() and place.exists():
            found[parameter.name] = str(place)
    return replace(sweep, fixed={**sweep.fixed, **found}) if found else sweep


def order_trials(
    sweep: Sweep,
    checkout: Checkout,
    request: RunRequest,
    wishes: Wishes,
    *,
    base: Path,
    within: Mapping[str, str],
) -> RunSpec:
    """The order for trials of a sweep whose sources are in `checkout` already. Raises RequestError."""
    project = load_project(checkout.directory, request.env_manager, wishes)
    opened = OpenedProject(
        checkout=checkout,
        project=project,
        experiment_name=request.experiment_name,
        experiment_id=request.experiment_id,
    )
    entry_point = project.entry_point(sweep.entry_point)
    binding = entry_point.bind(sample_parameters(sweep), base=base)
    return replace(_spec(opened, request, wishes, entry_point, binding), base=base, within=within)


def sample_parameters(sweep: Sweep) -> dict[str, str]:
    """Parameters that a trial of the sweep could have: what is fixed, and the middle of each range."""
    middle = sweep.space.narrowed({d.name: d.domain.at(0.5) for d in sweep.space.dimensions})
    seed = {sweep.trial_seed.parameter: "0"} if sweep.trial_seed else {}
    return {**sweep.fixed, **{name: text_of(value) for name, value in middle.items()}, **seed}


def _spec(
    opened: OpenedProject, request: RunRequest, wishes: Wishes, entry_point: EntryPoint, binding: Binding
) -> RunSpec:
    return RunSpec(
        checkout=opened.checkout,
        project_name=opened.project.name,
        entry_point=entry_point,
        command=binding.command,
        params=binding.params,
        downloads=binding.downloads,
        storage_dir=request.storage_dir,
        environment=opened.project.environment,
        tracking_uri=wishes.tracking_uri,
        experiment_name=opened.experiment_name,
        experiment_id=opened.experiment_id,
        run_id=request.run_id,
        run_name=request.run_name,
        parent_run_id=request.parent_run_id or current_parent(wishes.environ, of=request.run_id),
        docker_args=request.docker_args,
        build_image=request.build_image,
        backend=request.backend,
        tags=request.tags,
    )


def _refuse_docker_options(request: RunRequest) -> None:
    hint = "leave it out, or declare docker_env"
    if request.build_image:
        raise RequestError("--build-image is for projects with a docker_env", hint=hint)
    if request.docker_args:
        raise RequestError("--docker-args is for projects that run in docker", hint=hint)


def _experiment(request: RunRequest, wishes: Wishes) -> tuple[str | None, str | None]:
    """The experiment's name and id, of which at most one is set: asked for, inherited, or configured."""
    if request.experiment_id and request.experiment_name:
        raise RequestError(
            "an experiment's name and id are both given", hint="give --experiment-name or --experiment-id"
        )
    if request.experiment_name or request.experiment_id:
        return request.experiment_name, request.experiment_id
    inherited = current_experiment(wishes.environ) or wishes.settings.experiment_id
    return (None, inherited) if inherited else (wishes.settings.experiment_name, None)
