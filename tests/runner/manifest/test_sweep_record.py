"""A sweep as plain data: the journal's form, which is the file's form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import ManifestError
from runner.manifest.document import parse_document
from runner.manifest.findings import Findings
from runner.manifest.load import load
from runner.manifest.sweeps.record import describe, sweep_from
from runner.manifest.sweeps.section import sweep_of
from runner.model.space import Choice, Dimension, Domain, Normal, Params, Range, Space, Value, text_of
from runner.model.sweep import (
    AGGREGATES,
    GOALS,
    MODES,
    ON_FAILURE,
    SEED_MODES,
    STOP_RULES,
    Baseline,
    Constraint,
    EarlyStop,
    Objective,
    Repeats,
    Resources,
    Retries,
    StopWhen,
    Sweep,
    TrialSeed,
)
from runner.model.trial import CAUSES

PROJECTS = Path(__file__).resolve().parents[2] / "projects"

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
numbers = st.one_of(
    st.integers(-(10**6), 10**6).map(float), st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False)
)
positive = st.floats(1e-6, 1e6, allow_nan=False)
counts = st.integers(1, 10**6)
values: st.SearchStrategy[Value] = st.one_of(texts, st.integers(), numbers, st.booleans())


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    # Two values that are one text are one value to the program, and refused.
    found = draw(st.lists(values, min_size=1, max_size=4, unique_by=text_of))
    if draw(st.booleans()):
        return Choice(values=tuple(found))
    weights = draw(st.lists(st.integers(1, 9), min_size=len(found), max_size=len(found)))
    return Choice(values=tuple(found), probabilities=tuple(weight / sum(weights) for weight in weights))


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    if draw(st.booleans()):
        least = draw(st.integers(1, 100))
        width = draw(st.integers(1, 50))
        stride = draw(st.one_of(st.none(), st.integers(1, width)))
        log = draw(st.booleans())
        return Range(minimum=least, maximum=least + width, step=stride, log=log, integer=True)
    low, size = draw(positive), draw(positive)
    maximum = low + size
    step = draw(st.one_of(st.none(), st.integers(1, 20).map(lambda count: (maximum - low) / (count + 0.5))))
    return Range(minimum=low, maximum=maximum, step=step, log=draw(st.booleans()))


normals = st.one_of(
    st.builds(Normal, mean=numbers, deviation=positive, step=st.one_of(st.none(), positive)),
    st.builds(
        Normal,
        mean=st.floats(-20, 20),
        deviation=st.floats(0.1, 9),
        log=st.just(True),
        step=st.one_of(st.none(), positive),
    ),
)
domains: st.SearchStrategy[Domain] = st.one_of(choices(), ranges(), normals)


@st.composite
def spaces(draw: st.DrawFn, names: list[str]) -> Space:
    dimensions: list[Dimension] = []
    for name in names:
        domain = draw(domains)
        countable = [other for other in dimensions if other.domain.size is not None]
        when: tuple[tuple[str, tuple[Value, ...]], ...] = ()
        has_condition: bool = draw(st.booleans())
        if countable and has_condition:
            other = draw(st.sampled_from(countable))
            points = other.domain.points() or ()
            when = ((other.name, (draw(st.sampled_from(points)),)),)
        dimensions.append(Dimension(name=name, domain=domain, when=when))
    return Space(dimensions=tuple(dimensions))


def a_point(space: Space, fraction: float) -> Params:
    return space.narrowed({d.name: d.domain.at(fraction) for d in space.dimensions})


early_stops = st.sampled_from(STOP_RULES).flatmap(
    lambda rule: {
        "median": st.builds(
            EarlyStop,
            rule=st.just("median"),
            min_trials=counts,
            interval_steps=counts,
            min_step=st.integers(0, 9),
        ),
        "percentile": st.builds(EarlyStop, rule=st.just("percentile"), percentile=st.floats(0, 100)),
        "asha": st.builds(
            EarlyStop, rule=st.just("asha"), max_step=st.integers(2, 99), eta=st.floats(1.5, 9), metric=texts
        ),
        "hyperband": st.builds(
            EarlyStop, rule=st.just("hyperband"), max_step=st.integers(2, 99), brackets=st.integers(1, 9)
        ),
        "patience": st.builds(EarlyStop, rule=st.just("patience"), patience=counts, min_delta=numbers),
        "target": st.builds(EarlyStop, rule=st.just("target"), target=numbers),
    }[rule]
)
optional_counts = st.one_of(st.none(), counts)


@st.composite
def sweeps(draw: st.DrawFn) -> Sweep:
    names = draw(st.lists(texts, min_size=2, max_size=6, unique=True))
    searched = names[: draw(st.integers(1, len(names) - 1))]
    space = draw(spaces(searched))
    left = names[len(searched) :]
    points = [a_point(space, fraction) for fraction in draw(st.lists(st.floats(0, 0.99), max_size=2))]
    objective = st.builds(
        Objective,
        metric=texts,
        goal=st.sampled_from(GOALS),
        mode=st.sampled_from(MODES),
        target=st.one_of(st.none(), numbers),
    )
    repeats = draw(st.integers(1, 4))
    constraint = st.builds(Constraint, metric=texts, maximum=numbers, relative_to_baseline=st.booleans())
    constraints: list[Constraint] = draw(st.lists(constraint, max_size=2))
    return Sweep(
        name="s",
        entry_point=draw(texts),
        description=draw(st.one_of(st.just(""), texts)),
        method=draw(st.sampled_from(["tpe", "random", "quasi_random", "anneal"])),
        engine_options=draw(st.sampled_from([{}, {"allow_duplicates": True}])),
        objectives=(draw(objective),),
        constraints=tuple(constraints),
        space=space,
        fixed={name: draw(texts) for name in left[1:]},
        max_trials=draw(counts),
        parallel=draw(counts),
        early_stop=draw(st.one_of(st.none(), early_stops)),
        stop=draw(
            st.builds(
                StopWhen,
                no_improvement_trials=optional_counts,
                max_time_s=st.one_of(st.none(), positive),
                max_failed_trials=optional_counts,
                max_failure_rate=st.one_of(st.none(), st.floats(0, 1)),
            )
        ),
        retries=Retries(
            limit=draw(st.integers(0, 9)),
            on=frozenset(draw(st.lists(st.sampled_from([cause for cause in CAUSES if cause != "stopped"])))),
        ),
        trial_timeout_s=draw(st.one_of(st.none(), positive)),
        on_failure=draw(st.sampled_from(ON_FAILURE)),
        seed=draw(st.one_of(st.none(), st.integers(0, 2**63 - 1))),
        trial_seed=draw(
            st.one_of(
                st.none(),
                st.builds(
                    TrialSeed,
                    parameter=st.just(left[0]),
                    mode=st.sampled_from([mode for mode in SEED_MODES if mode != "fixed"]),
                ),
            )
        ),
        repeats=Repeats(
            count=repeats,
            aggregate=draw(st.sampled_from(AGGREGATES)),
            top_k=draw(optional_counts) if repeats > 1 else None,
        ),
        baseline=Baseline(
            parameters=draw(st.dictionaries(texts, texts, max_size=2)), cap=draw(st.booleans())
        ),
        initial_points=tuple(points),
        warm_start=tuple(draw(st.lists(texts, max_size=2))),
        reuse_finished=draw(st.booleans()),
        resources=draw(
            st.builds(
                Resources,
                cpus=st.integers(0, 9),
                gpus=st.integers(0, 9),
                memory_bytes=st.one_of(st.none(), counts),
            )
        ),
        warm=draw(st.booleans()),
    )


def typed(sweep: Sweep) -> list[list[type]]:
    """The types of all values, which `==` does not see: 1 and 1.0 are not the same argument."""
    choices = [d.domain.values for d in sweep.space.dimensions if isinstance(d.domain, Choice)]
    points = [tuple(point.values()) for point in sweep.initial_points]
    whens = [found for d in sweep.space.dimensions for _, found in d.when]
    return [[type(value) for value in values] for values in [*choices, *points, *whens]]


@given(sweep=sweeps())
@settings(max_examples=100)
def test_any_sweep_comes_back_from_json_as_it_was(sweep: Sweep) -> None:
    back = sweep_from("s", json.loads(json.dumps(describe(sweep))))
    assert back == sweep
    assert typed(back) == typed(sweep)


@given(sweep=sweeps())
@settings(max_examples=100)
def test_any_sweep_that_is_written_as_yaml_is_read_back(sweep: Sweep) -> None:
    text = yaml.safe_dump(describe(sweep), allow_unicode=True, sort_keys=False)
    findings = Findings(Path("MLproject"))
    back = sweep_of("s", parse_document(text, Path("MLproject")), None, findings, key="sweeps.s")
    assert [str(problem) for problem in findings.problems if problem.severity == "error"] == []
    assert back == sweep
    assert typed(back) == typed(sweep)


@pytest.mark.parametrize("name", ["short", "grid", "whole", "steady"])
def test_what_is_recorded_is_valid_where_it_came_from(name: str) -> None:
    project = load(PROJECTS / "sweeps", env_manager="local")
    sweep = project.sweeps[name]
    assert sweep_from(name, describe(sweep), entry_points=project.entry_point) == sweep


def test_a_text_that_looks_like_others_words_is_kept() -> None:
    sweep = sweep_from(
        "s", {"metric": "loss", "max_trials": 2, "parameters": {"a": [1, 2], "b": {"value": "choice(x, y)"}}}
    )
    assert sweep_from("s", describe(sweep)).fixed == {"b": "choice(x, y)"}


def test_data_that_is_no_sweep_names_the_field() -> None:
    with pytest.raises(ManifestError, match="max_trials must be a whole number") as caught:
        sweep_from("s", {"metric": "loss", "max_trials": "x", "parameters": {"a": [1, 2]}})
    assert caught.value.key == "max_trials"
