"""The live table fits every terminal, whatever trials are called, and whatever values they have."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from runner.cli.cells import bar_of, cut, left, right, sparkline, width_of
from runner.cli.sweep_progress import SweepProgress
from runner.cli.sweep_table import SweepTable
from runner.events import SweepEnding, SweepStarted, TrialEnded, TrialProgress, TrialStarted
from runner.model.run import RunStatus
from runner.model.space import Choice, Dimension, Domain, Range, Space
from runner.model.sweep import Objective, Sweep
from runner.model.trial import Trial, TrialResult

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
words = st.one_of(
    texts, st.sampled_from(["learning_rate", "größe", "日本語", "[red]x[/]", "a\nb", "\x1b[31m", ""])
)
numbers = st.floats(allow_nan=True, allow_infinity=True)
values = st.one_of(words, st.integers(), st.booleans(), st.floats(allow_nan=False))


@st.composite
def progresses(draw: st.DrawFn) -> SweepProgress:
    """A sweep somewhere on its way."""
    names = draw(st.lists(words, min_size=1, max_size=12, unique=True))
    domains: list[Domain] = [Range(minimum=0, maximum=1), Choice(values=("a", "größe"))]
    dimensions = tuple(Dimension(name=name, domain=draw(st.sampled_from(domains))) for name in names)
    space = Space(dimensions=dimensions)
    sweep = Sweep(name=draw(words), objectives=(Objective(metric=draw(words)),), space=space, parallel=3)
    progress = SweepProgress()
    total = draw(st.one_of(st.none(), st.integers(1, 2000)))
    progress.take(
        SweepStarted(run_id="r", run_name="n", tracking_uri="u", experiment_id="0", sweep=sweep, total=total)
    )
    best = None
    for number in range(draw(st.integers(0, 40))):
        trial = Trial(number=number - 1, params={name: draw(values) for name in names}, point=number - 1)
        progress.take(TrialStarted(trial=trial, attempt=0, slot=0))
        for step, value in enumerate(draw(st.lists(numbers, max_size=3))):
            progress.take(TrialProgress(number=trial.number, step=step, value=value))
        if draw(st.booleans()):
            result = TrialResult(
                run_id="t",
                status=RunStatus.FINISHED,
                values=draw(
                    st.one_of(st.none(), st.tuples(st.floats(allow_nan=False, allow_infinity=False)))
                ),
                reason=draw(words),
                seconds=draw(st.floats(0, 1e6)),
            )
            ended = Trial(number=trial.number, params=trial.params, point=trial.point, result=result)
            best = ended if result.values else best
            progress.take(TrialEnded(trial=ended, result=result, best=best, over=number))
    if draw(st.booleans()):
        progress.take(SweepEnding(reason=draw(words), running=2, stops_running=draw(st.booleans())))
    return progress


@given(progresses(), st.integers(1, 220), st.integers(1, 60))
def test_no_line_is_wider_and_the_table_is_not_higher_than_the_terminal(
    progress: SweepProgress, width: int, height: int
) -> None:
    drawn = io.StringIO()
    console = Console(file=drawn, width=width, height=height, force_terminal=False, legacy_windows=False)

    console.print(SweepTable(progress))

    lines = drawn.getvalue().removesuffix("\n").split("\n")
    assert max(width_of(line) for line in lines) <= width
    assert len(lines) <= max(height, 5)
    assert width < 60 or any(" trials" in line for line in lines)


@given(words, st.integers(1, 60))
def test_cells_are_as_wide_as_they_are_to_be(text: str, width: int) -> None:
    text = text.replace("\n", " ")
    if text.isprintable():
        assert width_of(left(text, width)) == width
        assert width_of(right(text, width)) == width
        assert width_of(cut(text, width)) <= width


@given(st.lists(numbers, max_size=50).map(tuple), st.integers(1, 20))
def test_a_curve_is_never_longer_than_its_cell(curve: tuple[float, ...], width: int) -> None:
    assert len(sparkline(curve, width)) <= width


def test_a_curve_goes_down_where_values_do() -> None:
    assert sparkline((8.0, 4.0, 2.0, 1.0), 12) == "█▄▂▁"
    assert sparkline((1.0, float("nan"), 2.0), 12) == "▁ █"
    assert sparkline((1.0,), 12) == ""
    assert sparkline((-1.7e308, 0.0, 1.7e308), 12) == "▁▅█"


def test_a_bar_is_full_at_the_end_and_not_before() -> None:
    assert bar_of(0, 12, 4) == "╌╌╌╌"
    assert bar_of(11, 12, 4) == "━━━╌"
    assert bar_of(12, 12, 4) == "━━━━"
    assert bar_of(3, None, 4) == ""
