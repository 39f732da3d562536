"""The map of one sweep, in our words -> a `Sweep`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runner.errors import EntryPointNotFound, suggestion
from runner.manifest.document import Node
from runner.manifest.findings import Findings
from runner.manifest.sweeps import keys
from runner.manifest.sweeps.checks import check_sweep
from runner.manifest.sweeps.fields import Fields
from runner.manifest.sweeps.points import read_points
from runner.manifest.sweeps.policies import (
    read_early_stop,
    read_repeats,
    read_resources,
    read_retries,
    read_stop,
)
from runner.manifest.sweeps.space import Declarations, check_declared, read_space
from runner.manifest.sweeps.values import is_value, misfit, value_of
from runner.model.parameter import Parameter
from runner.model.project import EntryPoint
from runner.model.space import text_of
from runner.model.sweep import (
    ENGINES,
    GOALS,
    METHODS,
    MODES,
    ON_FAILURE,
    SEED_MODES,
    Baseline,
    Constraint,
    Objective,
    Sweep,
    TrialSeed,
)

EntryPoints = Callable[[str], EntryPoint]
"""The entry point of a name. Raises EntryPointNotFound."""


def read_sweep(
    name: str, node: Node, entry_points: EntryPoints | None, findings: Findings, *, key: str
) -> Sweep:
    """The sweep; where there are findings that are errors, it is not to be used.

    `entry_points` None: the sweep is not compared with what it runs.
    """
    return _Reader(name, Fields(node, keys.SWEEP, findings, key), entry_points, findings).read()


class _Reader:
    def __init__(
        self, name: str, fields: Fields, entry_points: EntryPoints | None, findings: Findings
    ) -> None:
        self.name = name
        self.fields = fields
        self.entry_points = entry_points
        self.findings = findings

    def read(self) -> Sweep:
        fields = self.fields
        entry_point = self._entry_point()
        trial_seed = self._trial_seed(entry_point)
        declared = self._space(entry_point, trial_seed)
        early_stop = read_early_stop(fields)
        method = fields.word("method", METHODS, "tpe")
        engine = fields.word("engine", ENGINES, "builtin") if "engine" in fields else None
        sweep = Sweep(
            name=self.name,
            entry_point=fields.text("entry_point", "main"),
            description=self._description(),
            method=method,
            engine=engine,
            engine_options=self._engine_options(),
            objectives=self._objectives(),
            constraints=tuple(map(self._constraint, fields.maps("constraints", keys.CONSTRAINT))),
            space=declared.space,
            fixed=declared.fixed,
            max_trials=fields.optional_whole("max_trials", least=1),
            parallel=fields.whole("parallel", 1, least=1),
            early_stop=early_stop,
            stop=read_stop(fields),
            retries=read_retries(fields),
            trial_timeout_s=fields.seconds("timeout"),
            on_failure=fields.word("on_failure", ON_FAILURE, "worst"),
            seed=fields.optional_whole("seed", least=0),
            trial_seed=trial_seed,
            repeats=read_repeats(fields),
            deterministic=fields.flag("deterministic", default=False),
            window=fields.optional_whole("window", least=1),
            baseline=self._baseline(entry_point),
            initial_points=read_points(fields, declared),
            warm_start=fields.texts("warm_start"),
            reuse_finished=fields.flag("reuse_finished", default=False),
            resources=read_resources(fields),
            warm=fields.flag("warm", default=True),
            path=self.findings.path,
            line=fields.node.line,
        )
        check_sweep(sweep, entry_point, fields, declared)
        return sweep

    def _entry_point(self) -> EntryPoint | None:
        name = self.fields.text("entry_point", "main")
        if self.entry_points is None:
            return None
        try:
            return self.entry_points(name)
        except EntryPointNotFound as error:
            meant = suggestion(name, error.known)
            known = f"declared: {', '.join(error.known) or 'none'}"
            self.fields.error(
                "entry_point",
                f"there is no entry point {name!r}",
                f"did you mean {meant!r}?" if meant else known,
            )
            return None

    def _description(self) -> str:
        node = self.fields.get("description")
        return "" if node is None or node.kind != "scalar" else node.text

    def _space(self, entry_point: EntryPoint | None, trial_seed: TrialSeed | None) -> Declarations:
        fields = self.fields.map("parameters", None)
        if fields is None:
            return Declarations()
        seeded = None if trial_seed is None else trial_seed.parameter
        return read_space(fields.node, entry_point, self.findings, key=fields.key, seeded=seeded)

    def _engine_options(self) -> Mapping[str, float | int | bool | str]:
        fields = self.fields.map("engine_options", None)
        options: dict[str, float | int | bool | str] = {}
        for name, entry in {} if fields is None else fields.node.fields.items():
            assert fields is not None
            value = value_of(entry.node, None)
            if entry.node.kind != "scalar" or entry.node.is_null:
                fields.wrong(name, "a number, true, false, or a word")
                continue
            number = value_of(entry.node, Parameter(name=name, kind="float"))
            options[name] = number if isinstance(value, str) else value  # YAML reads 1e-3 as text
        return options

    # What is compared

    def _objectives(self) -> tuple[Objective, ...]:
        several = tuple(map(self._objective, self.fields.maps("metrics", keys.METRIC)))
        node = self.fields.get("metric")
        if node is not None and node.kind == "scalar":
            name = self.fields.text("metric")
            return (Objective(metric=name),) if name else ()
        one = self.fields.map("metric", keys.METRIC)
        return several if one is None else (self._objective(one),)

    def _objective(self, fields: Fields) -> Objective:
        if "name" not in fields:
            fields.error("", "a metric has no name", "add name: …", formal=True)
        return Objective(
            metric=fields.text("name"),
            goal=fields.word("goal", GOALS, "minimize"),
            mode=fields.word("mode", MODES, "last"),
            target=fields.optional_number("target"),
        )

    def _constraint(self, fields: Fields) -> Constraint:
        if "metric" not in fields:
            fields.error("", "a constraint has no metric", "add metric: …", formal=True)
        if "min" not in fields and "max" not in fields:
            fields.error("", "a constraint has neither min nor max", "add max: …")
        relative = fields.word("relative_to", ("baseline",), "baseline")
        return Constraint(
            metric=fields.text("metric"),
            minimum=fields.optional_number("min"),
            maximum=fields.optional_number("max"),
            relative_to_baseline="relative_to" in fields and relative == "baseline",
        )

    # What trials are given

    def _trial_seed(self, entry_point: EntryPoint | None) -> TrialSeed | None:
        node = self.fields.get("trial_seed")
        if node is None:
            return None
        if node.kind == "scalar":
            name = self.fields.text("trial_seed")
            seed = TrialSeed(parameter=name) if name else None
        else:
            fields = self.fields.map("trial_seed", keys.TRIAL_SEED)
            if fields is None:
                return None
            if "parameter" not in fields:
                fields.error("", "trial_seed names no parameter", "add parameter: seed", formal=True)
            name = fields.text("parameter")
            seed = TrialSeed(parameter=name, mode=fields.word("mode", SEED_MODES, "per_trial"))
        if seed is not None and name and entry_point is not None:
            key, line = f"{self.fields.key}.trial_seed", self.fields.line("trial_seed")
            parameter = check_declared(name, entry_point, self.findings, key=key, line=line)
            if parameter is not None and parameter.kind not in ("int", "float", "string"):
                self.fields.error(
                    "trial_seed", f"{name!r} is a {parameter.kind}, and a seed is a whole number"
                )
        return seed

    def _baseline(self, entry_point: EntryPoint | None) -> Baseline | None:
        fields = self.fields.map("baseline", keys.BASELINE)
        if fields is None:
            return None
        given = fields.map("parameters", None)
        texts: dict[str, str] = {}
        for name, entry in {} if given is None else given.node.fields.items():
            assert given is not None
            if not is_value(entry.node):
                given.wrong(name, "a value")
                continue
            parameter = None
            if entry_point is not None:
                key = f"{given.key}.{name}"
                parameter = check_declared(name, entry_point, self.findings, key=key, line=entry.line)
            texts[name] = (
                text_of(value_of(entry.node, parameter))
                if entry.node.kind == "list"
                else str(entry.node.plain())
            )
            error = misfit(texts[name], parameter)
            if error is not None:
                given.error(name, str(error), error.hint)
        return Baseline(parameters=texts, cap=fields.flag("cap", default=False))
