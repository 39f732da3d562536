"""The drawings of a sweep's page: whatever trials came to, each has its place within."""

from __future__ import annotations

import math
import re
from statistics import fmean

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from tracking_server.ui.sweep import (
    choices,
    contour,
    declared,
    parallel,
    plots,
    scales,
    space,
    timeline,
    tradeoff,
)
from tracking_server.ui.sweep.trials import Objective, Sweep, Trial

LOSS = Objective(metric="loss", goal="minimize", is_declared=True)
finite = st.floats(allow_nan=False, allow_infinity=False)
texts = st.one_of(
    finite.map(str),
    st.integers(-(10**30), 10**30).map(str),
    st.sampled_from(["adam", "nan", "inf", "1e999", "", "🍷", "שלום", "0x10"]),
    st.text(max_size=30),
)


def trial(number: int, value: float | None, state: str = "finished", **params: str) -> Trial:
    return Trial(
        row=number,
        run_id=f"{number:032x}",
        name=f"trial-{number}",
        number=number,
        state=state,
        start_ms=1000 * number,
        end_ms=None if state == "running" else 1000 * number + 2500,
        last=None,
        value=value,
        point=number,
        params=params,
    )


def sweep_of(trials: list[Trial]) -> Sweep:
    return Sweep(tags={}, objective=LOSS, metrics=["loss"], total=len(trials), trials=trials, version="1")


def value_axis(trials: list[Trial]) -> tuple[scales.Axis, int] | None:
    return plots.objective_axis(LOSS, [trial.value for trial in trials if trial.value is not None])


def places(path: str) -> list[float]:
    """All numbers of a path."""
    return [float(number) for number in re.findall(r"-?[\d.]+(?:e-?\d+)?", path)]


@settings(deadline=None)
@given(st.lists(finite, min_size=1, max_size=30), st.booleans())
def test_every_number_has_a_place_on_its_axis_and_labels_are_few(numbers: list[float], log: bool) -> None:
    axis = scales.numbers_axis("x", numbers, log=log or None)

    assert math.isfinite(axis.low)
    assert axis.low < axis.high
    for number in numbers:
        place = axis.place(number)
        assert place is None or -1 <= place <= 1001
    assert len(axis.ticks()) <= 30
    assert all(-1 <= tick.at <= 1001 for tick in axis.ticks())


@given(st.lists(texts, min_size=1, max_size=60))
def test_every_text_has_a_place_among_names_and_no_more_than_a_dozen_are_told_apart(
    values: list[str],
) -> None:
    axis = scales.names_axis("x", values)

    assert len(axis.names) <= scales.MOST_NAMES
    assert all(0 <= (axis.place(value) or 0.0) <= 1000 for value in values)


def test_a_logarithmic_axis_is_labelled_by_powers_of_ten() -> None:
    axis = scales.numbers_axis("lr", [1e-5, 1e-4, 3e-4, 2e-3, 0.1])

    assert axis.kind == "log"
    assert [tick.label for tick in axis.ticks()] == ["1e-05", "0.0001", "0.001", "0.01", "0.1"]
    assert axis.place("0") is None
    assert scales.numbers_axis("x", [0.1, 3.0, 5.0, 9.0]).kind == "linear"
    assert scales.numbers_axis("x", [-1.0, 1e9, 1.0]).kind == "linear"


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), finite),
            st.sampled_from(["finished", "early", "failed", "stopped", "running"]),
            texts,
            st.one_of(st.none(), texts),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_whatever_trials_came_to_they_are_drawn_within(
    rows: list[tuple[float | None, str, str, str | None]],
) -> None:
    trials = [
        trial(n, value, state, a=a, **({} if b is None else {"b": b}))
        for n, (value, state, a, b) in enumerate(rows, 1)
    ]
    axes = list(space.axes(["a", "b"], trials, declared.Declared()).values())
    ends = value_axis(trials)
    line = timeline.of(trials, 100_000)
    assert line is not None
    drawn = [line]
    if ends is not None:
        drawn += [
            plots.history(sweep_of(trials), *ends),
            *plots.slices(sweep_of(trials), trials, axes, ends[0]),
        ]
        coordinates = parallel.of(trials, axes, ends[0], LOSS, frozenset())
        surface = contour.of(trials, axes[0], axes[-1], LOSS) if len(axes) > 1 else None
        drawn += [surface.plot] if surface else []
        assert all(0 <= band.level < contour.LEVELS for band in (surface.bands if surface else ()))
        for one in coordinates.lines if coordinates else ():
            assert all(0 <= place <= 1000 for place in places(one.path))
    for plot in drawn:
        for layer in plot.layers:
            assert all(-1 <= place <= 1002 for place in places(layer.path)), layer


def test_the_best_so_far_only_gets_better_and_an_early_end_counts() -> None:
    trials = [trial(n, value) for n, value in enumerate([5.0, 7.0, 3.0, 4.0, 1.0], 1)]
    trials[3].state = "failed"
    axis, beyond = value_axis(trials) or (None, 0)
    assert axis is not None

    drawn = plots.history(sweep_of(trials), axis, beyond)

    (line,) = [layer for layer in drawn.layers if layer.look == "best-line"]
    assert line.path.count("V") == 2
    assert "improved 3 times and is 1" in drawn.says


def test_trials_that_are_far_off_stand_at_the_edge_and_do_not_flatten_the_others() -> None:
    trials = [trial(n, 1e30 if n == 7 else n / 10) for n in range(1, 30)]

    axis, beyond = value_axis(trials) or (None, 0)

    assert axis is not None
    assert axis.value_at(1000) < 5
    assert beyond == 1
    assert "1 far off, at the edge" in plots.history(sweep_of(trials), axis, beyond).note


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=40),
    st.sampled_from(["minimize", "maximize"]),
)
def test_the_front_is_what_no_other_trial_beats_in_both_objectives(
    values: list[tuple[int, int]], goal: str
) -> None:
    trials = [trial(n, float(loss)) for n, (loss, _) in enumerate(values, 1)]
    size = Objective(metric="size", goal=goal, is_declared=True)
    others = {n: float(other) for n, (_, other) in enumerate(values, 1)}
    sign = 1 if goal == "minimize" else -1

    best = tradeoff.front(LOSS, tradeoff.Other(objective=size, values=others), trials)

    points = {(loss, sign * other) for loss, other in values}
    unbeaten = {
        (x, y) for x, y in points if not any(a <= x and b <= y and (a, b) != (x, y) for a, b in points)
    }
    assert {(each.value, sign * others[each.row]) for each in best} == unbeaten
    assert len(best) == len(unbeaten)


@settings(deadline=None)
@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=30))
def test_any_two_objectives_are_drawn_within(values: list[tuple[float, float]]) -> None:
    trials = [trial(n, loss) for n, (loss, _) in enumerate(values, 1)]
    size = Objective(metric="size", goal="maximize", is_declared=True)
    other = tradeoff.Other(objective=size, values={n: other for n, (_, other) in enumerate(values, 1)})
    ends = value_axis(trials)
    assert ends is not None

    drawn = tradeoff.of(sweep_of(trials), other, ends[0])

    assert drawn is not None
    for layer in drawn.layers:
        assert all(-1 <= place <= 1002 for place in places(layer.path)), layer


def test_trials_without_slots_share_lanes_one_after_another() -> None:
    drawn = timeline.of([trial(n, 1.0) for n in range(1, 9)], 100_000)

    assert drawn is not None
    assert "3 lanes" in drawn.says


def test_a_contour_is_best_where_the_best_trials_are() -> None:
    trials = [
        trial(n, abs(x - 3) + abs(y - 1), x=str(x), y=str(y))
        for n, (x, y) in enumerate([(x, y) for x in range(6) for y in range(6)], 1)
    ]
    axes = space.axes(["x", "y"], trials, declared.Declared())

    drawn = contour.of(trials, axes["x"], axes["y"], LOSS)

    assert drawn is not None
    best = [band for band in drawn.bands if band.level == 0]
    assert 450 < fmean(band.x + band.width / 2 for band in best) < 700
    assert 650 < fmean(band.y + band.height / 2 for band in best) < 900
    assert drawn.bands[0].level == contour.LEVELS - 1
    assert "at x 3 and y 1" in drawn.plot.says
    assert contour.of(trials[:5], axes["x"], axes["y"], LOSS) is None


@given(st.text(max_size=200), st.dictionaries(texts, texts, max_size=6))
def test_any_address_asks_for_something_and_any_file_declares_something(
    text: str, fields: dict[str, str]
) -> None:
    chosen = choices.read(
        QueryParams([*fields.items(), ("min." + text, text), ("page", text), ("goal", text)])
    )

    assert 0 <= chosen.page <= 1000
    assert chosen.goal in ("", *choices.GOALS)
    assert declared.parsed(text) is not None
    assert declared.parsed('{"parameters": 3, "metric": [1], "metrics": {}}').parameters == ()


def test_a_declaration_says_scales_modes_and_what_is_searched() -> None:
    said = declared.parsed(
        '{"parameters": {"lr": {"min": 1, "max": 2, "log": true}, "opt": {"values": ["a", "b"]}, "n": {"min": 1,'
        ' "max": 9}, "fixed": {"value": 3}}, "metric": {"name": "m", "mode": "max"}, "repeats": {"n": 2,'
        ' "aggregate": "median"}, "trial_seed": {"parameter": "seed"}}'
    )

    assert said.parameters == ("lr", "opt", "n")
    assert [set(said.log), set(said.linear), set(said.names)] == [{"lr"}, {"n"}, {"opt"}]
    assert (said.modes, said.aggregate, said.seed_parameter) == ({"m": "max"}, "median", "seed")
