"""RunRequest -> RunSpec: fetch the sources, load the project, bind the parameters. Starts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.environments.current import inherited_manager
from runner.errors import RequestError
from runner.events import CheckoutReady, Listener, Warned
from runner.manifest.load import load
from runner.model.run import RunRequest, RunSpec
from runner.recording.limits import check_recordable
from runner.recording.parent import current_experiment, current_parent
from runner.settings import Settings
from runner.sources.fetch import fetch
from runner.sources.reference import parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What surrounds a request: settings, environment variables, and where runs are tracked."""

    settings: Settings
    environ: Mapping[str, str]
    tracking_uri: str


def prepare(request: RunRequest, wishes: Wishes, listener: Listener) -> RunSpec:
    """The complete order for `request`.

    Raises RequestError where the request or the project is wrong, SourceError where it cannot be fetched.
    """
    settings = wishes.settings
    name, id_ = _experiment(request, wishes)
    checkout = fetch(parse(request.uri, request.version), settings=settings, listener=listener)
    listener(CheckoutReady(directory=checkout.directory, description=checkout.provenance.source_name))
    project = load(
        checkout.directory,
        env_manager=request.env_manager or settings.env_manager,
        inherited_manager=lambda declared: inherited_manager(wishes.environ, declared),
    )
    if project.environment.kind != "docker":
        _refuse_docker_options(request)
    entry_point = project.entry_point(request.entry_point)
    binding = entry_point.bind(request.parameters)
    for warning in (*project.warnings, *binding.warnings, *project.environment.notes):
        listener(Warned(message=warning))
    spec = RunSpec(
        checkout=checkout,
        project_name=project.name,
        entry_point=entry_point,
        command=binding.command,
        params=binding.params,
        downloads=binding.downloads,
        storage_dir=request.storage_dir,
        environment=project.environment,
        tracking_uri=wishes.tracking_uri,
        experiment_name=name,
        experiment_id=id_,
        run_id=request.run_id,
        run_name=request.run_name,
        parent_run_id=request.parent_run_id or current_parent(wishes.environ, of=request.run_id),
        docker_args=request.docker_args,
        build_image=request.build_image,
        backend=request.backend,
        tags=request.tags,
    )
    check_recordable(spec)
    return spec


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
