"""The page of a sweep, as a server in this process renders it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.tracking_server.test_tokens import make_token, shared

__all__ = ["shared"]

PARENT = "mlflow.parentRunId"
START_MS = 1_700_000_000_000
EVIL = "<script>alert('x')</script>"


def tags_of(pairs: Mapping[str, object]) -> list[dict[str, str]]:
    return [{"key": key, "value": str(value)} for key, value in pairs.items()]


def parent(api: Any, status: str = "", end_ms: int | None = None, /, **tags: str) -> str:
    named = {f"runner.sweep.{name}" if name != "sweep" else "runner.sweep": v for name, v in tags.items()}
    run_id = api.run(run_name="search", start_time=START_MS, tags=tags_of(named))
    if status:
        api.post("runs/update", run_id=run_id, status=status, end_time=end_ms or START_MS + 60_000)
    return str(run_id)


def trial(
    api: Any,
    sweep: str,
    number: int,
    value: float | str | None = None,
    *,
    params: Mapping[str, object] | None = None,
    status: str = "FINISHED",
    metric: str = "loss",
    start_s: float = 0,
    took_s: float = 1,
    name: str = "",
    tags: Mapping[str, object] | None = None,
) -> str:
    start_ms = START_MS + int(1000 * start_s)
    run_id = api.run(
        run_name=name or f"trial-{number:03}",
        start_time=start_ms,
        tags=tags_of({PARENT: sweep, **(tags or {})}),
    )
    points = [] if value is None else [{"key": metric, "value": value, "timestamp": start_ms, "step": 0}]
    api.post("runs/log-batch", run_id=run_id, params=tags_of(params or {}), metrics=points)
    if status != "RUNNING":
        api.post("runs/update", run_id=run_id, status=status, end_time=start_ms + int(1000 * took_s))
    return str(run_id)


def runners_trial(
    api: Any,
    sweep: str,
    number: int,
    value: float | None = None,
    *,
    tags: Mapping[str, object] | None = None,
    **more: Any,
) -> str:
    """A trial with the tags of `runner`; numbers there begin at 0."""
    own = {"runner.sweep.trial": number - 1, "runner.sweep.point": number - 1, "runner.sweep.attempt": 0}
    return trial(api, sweep, number, value, tags={**own, **(tags or {})}, **more)


def page(api: Any, run_id: str, query: str = "") -> str:
    reply = api.http.get(f"/runs/{run_id}/sweep{query}")
    assert reply.status_code == 200, reply.text
    return str(reply.text)


def text_of(html: str) -> str:
    """What people read of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def rows(html: str) -> list[str]:
    """The names of the trials in the table, in order."""
    table = html.partition('id="trials"')[2].partition("</table>")[0]
    return re.findall(r'<th scope="row"><a class="name" href="/runs/\w+">([^<]*)</a>', table)


def declared(api: Any, run_id: str, content: object) -> None:
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/runner/sweep.json"
    assert api.http.put(path, content=json.dumps(content).encode()).status_code == 200


def test_a_parent_made_by_hand_is_compared_by_the_metric_that_most_of_its_children_have(api: Any) -> None:
    sweep = parent(api, "FINISHED")
    trials = [trial(api, sweep, number, number / 10, params={"x": number}) for number in range(1, 6)]
    api.post("runs/log-metric", run_id=trials[-1], key="aaa", value=9, timestamp=1)

    html = page(api, sweep)

    assert "<option selected>loss</option>" in html
    assert "Nobody declared an objective: this one is guessed" in html
    assert rows(html) == ["trial-001", "trial-002", "trial-003", "trial-004", "trial-005"]
    assert "5 trials" in text_of(html)


def test_a_script_says_what_it_minimises_and_which_run_is_the_baseline(api: Any) -> None:
    sweep = api.run(run_name="search", tags=tags_of({"runner.sweep.objective": "best loss minimize"}))
    trial(api, sweep, 0, 9, metric="best loss", name="baseline", tags={"runner.baseline": "true"})
    for number in (1, 2, 3):
        run_id = trial(api, sweep, number, 4 - number, metric="best loss")
        api.post("runs/log-metric", run_id=run_id, key="loss", value=number, timestamp=1)

    html = page(api, sweep)

    assert "<option selected>best loss</option>" in html
    assert "guessed" not in html
    assert rows(html)[0] == "trial-003"
    assert re.search(r'class="dots finished"[^>]*data-trials="1,2,3"', html)
    assert "Better than the baseline (9) by 8" in text_of(html)


def test_another_objective_and_goal_are_chosen_in_the_address(api: Any) -> None:
    sweep = parent(api, "FINISHED")
    for number in range(1, 4):
        run_id = trial(api, sweep, number, number)
        api.post("runs/log-metric", run_id=run_id, key="score", value=-number, timestamp=1)

    assert rows(page(api, sweep, "?objective=loss&goal=maximize")) == ["trial-003", "trial-002", "trial-001"]
    assert rows(page(api, sweep, "?objective=score")) == ["trial-001", "trial-002", "trial-003"]
    assert "<option selected>maximize</option>" in page(api, sweep, "?objective=score")
    assert rows(page(api, sweep, "?objective=nothing&goal=sideways")) == [
        "trial-001",
        "trial-002",
        "trial-003",
    ]


def test_several_objectives_are_drawn_against_each_other(api: Any) -> None:
    said = {"sweep": "find", "state": "finished"}
    sweep = parent(api, "FINISHED", objective="loss minimize, acc maximize", **said)
    for number, (loss, accuracy) in enumerate([(0.1, 0.2), (0.5, 0.9), (0.6, 0.1), (0.3, 0.5)], 1):
        run_id = runners_trial(api, sweep, number, loss)
        api.post("runs/log-metric", run_id=run_id, key="acc", value=accuracy, timestamp=1)
    alone = parent(api, "FINISHED", objective="loss minimize", **said)
    runners_trial(api, alone, 1, 0.5)

    drawn = page(api, sweep)
    turned = page(api, sweep, "?objective=acc")

    assert "loss against acc. Of 4 trials with both, 3 are best: none beats them in both." in drawn
    assert re.search(r'class="dots front"[^>]*data-trials="2,4,1"', drawn)
    assert "acc against loss. Of 4 trials with both, 3 are best" in turned
    assert "Between objectives" not in page(api, alone)


def test_what_a_sweep_of_runner_declared_is_its_objective(api: Any) -> None:
    sweep = parent(
        api,
        "FINISHED",
        sweep="find",
        state="finished",
        objective="val/a b maximize, loss minimize",
        method="tpe",
    )
    runners_trial(api, sweep, 1, 0.1, metric="val/a b")
    runners_trial(api, sweep, 2, 0.7, metric="val/a b")

    html = page(api, sweep)

    assert "guessed" not in html
    assert "more is better" in html
    assert rows(html) == ["trial-002", "trial-001"]


def test_the_state_counts_trials_by_what_became_of_them(api: Any) -> None:
    sweep = parent(api, "FINISHED", sweep="find", state="finished", objective="loss minimize", trials="9")
    runners_trial(api, sweep, 1, 0.5)
    runners_trial(api, sweep, 2, 0.9, status="KILLED", tags={"runner.sweep.stopped_by": "median"})
    runners_trial(api, sweep, 3, status="FAILED", tags={"runner.sweep.cause": "out_of_memory"})
    runners_trial(api, sweep, 4, status="KILLED", tags={"runner.sweep.cause": "stopped"})
    runners_trial(api, sweep, 5, status="FAILED", tags={"runner.sweep.cause": "lost"})
    runners_trial(api, sweep, 5, 0.4, tags={"runner.sweep.attempt": 1}, name="trial-005 again")
    trial(api, sweep, 0, 0.8, name="baseline", tags={"runner.baseline": "true"})

    text = text_of(page(api, sweep))

    assert "5 of 9 trials" in text
    for words in ("Finished 2", "Running 0", "Stopped early 1", "Failed 1", "Stopped 1"):
        assert words in text
    assert "failed: out of memory" in text
    assert "retried: lost" in text
    assert "Better than the baseline ( 0.8 ) by 0.4 , 50 %" in text.replace("(0.8)", "( 0.8 )").replace(
        "0.4,", "0.4 ,"
    )


def test_rate_and_end_are_those_of_the_last_trials(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = parent(api, sweep="find", state="running", objective="loss minimize", trials="30")
    for number in range(1, 11):
        runners_trial(api, sweep, number, 0.5, start_s=6 * number, took_s=6)
    now_ms = START_MS + 66_000
    monkeypatch.setattr("tracking_server.ui.sweep.page.now_ms", lambda: now_ms)

    text = text_of(page(api, sweep))

    assert "10 / min" in text
    assert "in about 2 min 00 s" in text
    assert "Took so far 1 min 06 s" in text


def test_a_sweep_that_nobody_conducts_any_more_shows_the_commands_that_go_on(api: Any) -> None:
    sweep = parent(api, "KILLED", sweep="find", state="running", objective="loss minimize", trials="10")
    runners_trial(api, sweep, 1, 0.5)

    html = page(api, sweep)

    assert "Interrupted" in html
    assert f"runner sweep resume {sweep}</pre>" in html
    assert f"runner sweep extend {sweep} --max-trials 20</pre>" in html
    assert "/sweep/wish" not in html


def test_the_best_is_a_parameter_set_with_the_spread_of_its_repeats(api: Any) -> None:
    sweep = parent(api, "FINISHED", sweep="find", state="finished", objective="loss minimize")
    for number, (point, value) in enumerate([(0, 0.1), (0, 0.9), (1, 0.3), (1, 0.4)], 1):
        runners_trial(api, sweep, number, value, tags={"runner.sweep.point": point})
    trial(api, sweep, 0, 0.36, name="baseline", tags={"runner.baseline": "true"})

    text = text_of(page(api, sweep))

    assert "Best trial 0.35 ± 0.0707107, mean of 2 trial-003" in text
    assert "Within twice the spread of its repeats: this may be chance" in text


def test_a_single_evaluation_is_said_to_be_one(api: Any) -> None:
    sweep = parent(api, "FINISHED")
    trial(api, sweep, 1, 0.5)

    assert "Evaluated once" in page(api, sweep)


def test_the_runs_that_runner_notes_as_the_best_leads_since_it_knows_the_constraints(api: Any) -> None:
    sweep = parent(api, "FINISHED", sweep="find", state="finished", objective="loss minimize")
    runners_trial(api, sweep, 1, 0.1)
    allowed = runners_trial(api, sweep, 2, 0.2)
    api.post("runs/set-tag", run_id=sweep, key="best_run", value=allowed)

    html = page(api, sweep)

    assert re.search(rf'id="best-title".*?href="/runs/{allowed}"', html, re.DOTALL)
    api.post("runs/set-tag", run_id=sweep, key="best_run", value="elsewhere")
    assert "which is not nested here" in page(api, sweep)


def test_the_value_that_counts_is_the_one_that_the_sweep_declared(api: Any) -> None:
    sweep = parent(api, "FINISHED", sweep="find", state="finished", objective="loss minimize")
    declared(api, sweep, {"metric": {"name": "loss", "goal": "minimize", "mode": "best"}, "parameters": {}})
    dips = runners_trial(api, sweep, 1, 0.9)
    runners_trial(api, sweep, 2, 0.5)
    api.post("runs/log-metric", run_id=dips, key="loss", value=0.1, timestamp=5, step=1)
    api.post("runs/log-metric", run_id=dips, key="loss", value=0.8, timestamp=9, step=2)

    assert rows(page(api, sweep)) == ["trial-001", "trial-002"]


def test_figures_are_drawn_without_a_script(api: Any) -> None:
    sweep = parent(api, "FINISHED", sweep="find", state="finished", objective="loss minimize", trials="12")
    for number in range(1, 13):
        params = {"lr": 10.0**-number, "opt": ["sgd", "adam"][number % 2], "fixed": "7"}
        runners_trial(api, sweep, number, (number - 6) ** 2, params=params, start_s=number)

    html = page(api, sweep)

    for label in ("loss by trial", "loss against lr", "loss over lr and opt", "Timeline"):
        assert f'aria-label="{label}' in html
    assert 'class="best-line" d="M' in html
    assert "lr (log)" in html
    assert "fixed" not in html.partition('id="trials"')[0].partition('id="history"')[2]
    assert "style=" not in html
    assert "<script>" not in html


def test_importance_is_worked_out_beside_the_page_and_then_there(api: Any, wait_for: Any) -> None:
    sweep = parent(api, "FINISHED")
    for number in range(1, 25):
        trial(api, sweep, number, number % 8, params={"x": number % 8, "y": number * 7 % 11})

    wait_for(lambda: "data-pending" not in page(api, sweep))

    assert re.search(r'<ol class="shares">\s*<li><span class="clip" title="x">x</span>', page(api, sweep))


def test_learning_curves_fade_where_a_rule_stopped_them(api: Any) -> None:
    sweep = parent(api, "FINISHED", sweep="find", state="finished", objective="loss minimize")
    whole, stopped = runners_trial(api, sweep, 1, 3.0), ""
    stopped = runners_trial(api, sweep, 2, 4.0, status="KILLED", tags={"runner.sweep.stopped_by": "asha"})
    for run_id, steps in ((whole, 20), (stopped, 5)):
        metrics = [{"key": "loss", "value": 3 / n, "timestamp": n, "step": n} for n in range(1, steps)]
        api.post("runs/log-batch", run_id=run_id, metrics=metrics)

    html = page(api, sweep)

    assert 'class="curve best"' in html
    assert 'class="curve early"' in html
    assert "1 of them were stopped early" in html


def test_the_table_is_filtered_by_ranges_names_values_and_states(api: Any) -> None:
    sweep = parent(api, "FINISHED")
    for number in range(1, 9):
        status = "FAILED" if number == 8 else "FINISHED"
        params = {"lr": number / 10, "opt": "adam" if number % 2 else "sgd"}
        trial(api, sweep, number, number, params=params, status=status)

    assert rows(page(api, sweep, "?min.lr=0.3&max.lr=0.5")) == ["trial-003", "trial-004", "trial-005"]
    assert rows(page(api, sweep, "?is.opt=adam&max.lr=0.4")) == ["trial-001", "trial-003"]
    assert rows(page(api, sweep, "?low=6")) == ["trial-006", "trial-007", "trial-008"]
    assert rows(page(api, sweep, "?state=failed")) == ["trial-008"]
    assert rows(page(api, sweep, "?min.nothing=1")) == []
    assert "No trial passes the filter" in page(api, sweep, "?min.nothing=1")
    assert 'name="min.lr" value="0.3"' in page(api, sweep, "?min.lr=0.3")


def test_the_table_is_sorted_by_any_column_both_ways_and_has_pages(api: Any) -> None:
    sweep = parent(api, "FINISHED")
    for number in range(1, 31):
        trial(
            api, sweep, number, number, params={"x": number * 7 % 31} if number < 30 else {}, start_s=-number
        )

    by_x = rows(page(api, sweep, "?sort=param.x"))
    assert by_x[:2] == ["trial-009", "trial-018"]
    assert len(by_x) == 25
    assert rows(page(api, sweep, "?sort=param.x&page=1"))[-1] == "trial-030"
    assert rows(page(api, sweep, "?sort=-param.x"))[0] == "trial-022"
    assert rows(page(api, sweep, "?sort=started"))[0] == "trial-030"
    assert rows(page(api, sweep, "?sort=-number&page=99")) == [f"trial-{n:03}" for n in range(26, 31)]
    assert "Page 2 of 2" in page(api, sweep, "?page=1")


def test_values_that_are_no_numbers_are_shown_and_win_nothing(api: Any) -> None:
    sweep = parent(api, "FINISHED")
    trial(api, sweep, 1, "NaN", params={"x": "nan"})
    trial(api, sweep, 2, "-Infinity", params={"x": "inf"})
    trial(api, sweep, 3, 0.5, params={"x": "1e400"})

    html = page(api, sweep)

    assert rows(html)[0] == "trial-003"
    assert ">NaN</td>" in html
    assert ">-∞</td>" in html


def test_a_run_without_nested_ones_says_what_makes_them(api: Any) -> None:
    html = page(api, parent(api))

    assert "No nested runs" in html
    assert "runner run -e SWEEP ." in html


def test_a_sweep_whose_trials_have_no_value_yet_is_no_error(api: Any) -> None:
    sweep = parent(api, sweep="find", state="running", objective="loss minimize", trials="4")
    runners_trial(api, sweep, 1, status="RUNNING", params={"x": 1})

    html = page(api, sweep)

    assert "No trial has a value of loss yet" in html
    assert "The first trial that ends is drawn here" in html


def test_a_run_that_is_its_own_parent_has_a_page(api: Any) -> None:
    sweep = parent(api)
    api.post("runs/set-tag", run_id=sweep, key=PARENT, value=sweep)

    assert "search" in page(api, sweep)


def test_what_clients_stored_is_text_everywhere_on_the_page(api: Any) -> None:
    sweep = parent(api, sweep=EVIL, method=EVIL, objective="loss minimize, <b> minimize", state="finished")
    for number in range(1, 13):
        params = {"x": number % 5, "opt": f"{EVIL}{number % 3}"}
        name = f"{EVIL}{number}"
        runners_trial(api, sweep, number, number % 4, params=params, metric="loss", name=name)

    html = page(api, sweep, "?objective=loss&y=" + EVIL + "&sort=param." + EVIL + "&is." + EVIL + "=" + EVIL)

    assert "<script>" not in html
    assert api.http.get(f"/runs/{sweep}/sweep/trials?objective=loss").headers["content-type"] == (
        "application/json"
    )


def test_the_version_changes_with_trials_and_with_what_is_noted_of_the_sweep(api: Any) -> None:
    sweep = parent(api, "FINISHED", sweep="find", state="finished", objective="loss minimize")

    def version() -> str:
        return str(api.http.get(f"/runs/{sweep}/sweep/state").json()["version"])

    first = version()
    assert f'data-version="{first}"' not in page(api, sweep)  # it has no trials, and nothing to follow
    runners_trial(api, sweep, 1, 1.0)
    second = version()
    assert f'data-version="{second}"' in page(api, sweep)
    api.post("runs/set-tag", run_id=sweep, key="runner.sweep.wish", value="stop")
    assert len({first, second, version()}) == 3


def test_a_wish_becomes_a_tag_of_the_sweep_that_runs(api: Any) -> None:
    sweep = parent(api, sweep="find", state="running", objective="loss minimize", trials="4")
    runners_trial(api, sweep, 1, 1.0)
    form = {"wish": "extend", "max_trials": "12", "back": f"/runs/{sweep}/sweep?x=lr"}

    reply = api.http.post(f"/runs/{sweep}/sweep/wish", data=form)

    assert (reply.status_code, reply.headers["location"]) == (303, f"/runs/{sweep}/sweep?x=lr")
    tags = {tag["key"]: tag["value"] for tag in api.whole_run(sweep)["data"]["tags"]}
    assert tags["runner.sweep.wish"] == "extend 12"
    assert "Asked for: extend 12" in page(api, sweep)


@pytest.mark.parametrize(
    "form",
    [
        {"wish": "dance"},
        {"wish": "extend", "max_trials": "-1"},
        {"wish": "extend", "max_trials": "٣"},
        {"wish": "extend", "max_trials": "9" * 30},
        {"wish": "extend"},
        {},
    ],
)
def test_what_no_sweep_grants_is_refused(api: Any, form: dict[str, str]) -> None:
    sweep = parent(api, sweep="find", state="running")

    assert api.http.post(f"/runs/{sweep}/sweep/wish", data=form).status_code == 400


def test_nobody_is_asked_where_nobody_would_hear(api: Any) -> None:
    by_hand, over = parent(api), parent(api, "FINISHED", sweep="find", state="finished")

    for run_id, words in ((by_hand, "no sweep of"), (over, "does not run any more")):
        reply = api.http.post(f"/runs/{run_id}/sweep/wish", data={"wish": "stop"})
        assert reply.status_code == 400
        assert words in reply.text
    assert api.http.get("/runs/nothing/sweep").status_code == 404


def test_who_may_only_read_is_shown_no_way_to_stop_a_sweep(shared: Any) -> None:
    writer, reader = make_token(shared, "ann"), make_token(shared, "bob", may_write=False)
    shared.http.headers["Authorization"] = f"Bearer {writer}"
    sweep = parent(shared, sweep="find", state="running", objective="loss minimize", trials="4")
    runners_trial(shared, sweep, 1, 1.0)
    assert "/sweep/wish" in page(shared, sweep)

    shared.http.headers["Authorization"] = f"Bearer {reader}"

    assert "/sweep/wish" not in page(shared, sweep)
    assert shared.http.post(f"/runs/{sweep}/sweep/wish", data={"wish": "stop"}).status_code == 403
