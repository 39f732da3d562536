"""`runner run -e SWEEP --dry-run`: what a sweep would do."""

from __future__ import annotations

import json

import click

from runner.assemble import Workshop, working_directory
from runner.cli.sweep_summary import params_line
from runner.cli.wording import duration
from runner.model.sweep_order import SweepOrder
from runner.printable import on_one_line
from runner.sweeping.plan import Plan, plan_of

_SHOWN = 5


def show_plan(order: SweepOrder, workshop: Workshop, *, as_json: bool) -> None:
    """Prints the plan to stdout."""
    plan = plan_of(order, workshop.conductor(working_directory()), suggestions=_SHOWN)
    if as_json:
        click.echo(json.dumps(plan.as_json(), indent=2))
        return
    for title, rows in _sections(order, plan):
        click.echo(click.style(title, fg="cyan"))
        width = max(len(name) for name, _ in rows)
        for name, text in rows:
            click.echo(f"  {name:<{width}}  {text}".rstrip())


def _sections(order: SweepOrder, plan: Plan) -> list[tuple[str, list[tuple[str, str]]]]:
    sweep = order.sweep
    objectives = ", ".join(f"{o.goal} {on_one_line(o.metric)}" for o in sweep.objectives)
    general = [
        ("sweep", on_one_line(sweep.name)),
        ("of", f"entry point {on_one_line(sweep.entry_point)}"),
        ("objective", objectives),
        ("method", f"{sweep.method}{f' ({sweep.engine})' if sweep.engine else ''}"),
        ("trials", "until nothing is left" if plan.trials is None else str(plan.trials)),
        ("at once", str(sweep.parallel)),
    ]
    if plan.seconds is not None:
        general.append(("takes about", f"{duration(plan.seconds)}, by {plan.seconds_from} earlier runs"))
    sections = [("plan", general), ("space", [(on_one_line(n), on_one_line(t)) for n, t in plan.space])]
    if plan.first:
        first = [(f"{number + 1}", params_line(params)) for number, params in enumerate(plan.first)]
        sections.append(("first suggestions", first))
    if plan.dead:
        rows = [(on_one_line(name), "is searched, but the command does not use it") for name in plan.dead]
        sections.append(("dead parameters", rows))
    return sections
