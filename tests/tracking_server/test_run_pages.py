"""The page of one run, asked of a server in this process."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.tracking_server.conftest import V2
from tests.tracking_server.page_requests import page, tag

PARENT = "mlflow.parentRunId"


def rows(html: str) -> list[str]:
    """What stands in the lines of all tables, without tags."""
    lines = re.findall(r"<tr>.*?</tr>", html, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", line).split()) for line in lines]


def test_the_facts_of_a_run_are_said(api: Any) -> None:
    commit = "2c2c7821a5e05c5b2cf7455110210742fe27c801"
    run_id = api.run(
        run_name="baseline",
        start_time=1000,
        tags=[
            tag("mlflow.user", "ada"),
            tag("mlflow.source.name", "/home/ada/wine"),
            tag("mlflow.project.entryPoint", "train"),
            tag("mlflow.source.git.commit", commit),
            tag("mlflow.source.git.repoURL", "https://github.com/team/wine.git"),
            tag("mlflow.source.git.dirty", "true"),
            tag("runner.exit_code", "3"),
        ],
    )
    api.post("runs/update", run_id=run_id, status="FAILED", end_time=63_500)

    html = page(api, f"/runs/{run_id}")

    for words in ("Failed", "1 min 02 s", "<dd>ada</dd>", ">train</a>", "with changes", "<dd>3</dd>", run_id):
        assert words in html
    assert f'href="https://github.com/team/wine/commit/{commit}"' in html
    assert f"<code>{commit[:10]}</code>" in html


def test_the_heading_says_why_a_run_ended_where_the_status_does_not_say_it_all(api: Any) -> None:
    def heading(status: str, reason: str) -> str:
        run_id = api.run(tags=[tag("runner.end.reason", reason)])
        api.post("runs/update", run_id=run_id, status=status, end_time=1)
        return page(api, f"/runs/{run_id}").partition('<div class="heading">')[2].partition("</div>")[0]

    assert "exit code 0" not in heading("FINISHED", "exit code 0")
    assert "exit code 0" in heading("FAILED", "exit code 0")
    assert "nothing left to do" in heading("FINISHED", "nothing left to do")


def test_search_narrows_by_names_and_values_and_says_how_many_there_are(api: Any) -> None:
    run_id = api.run(tags=[tag("team", "blue"), tag("other", "x")])
    for key, value in (("learning_rate", "0.1"), ("optimizer", "Adam"), ("batch", "64")):
        api.post("runs/log-parameter", run_id=run_id, key=key, value=value)
    api.post("runs/log-metric", run_id=run_id, key="rate of errors", value=0.5, timestamp=1)

    by_name = page(api, f"/runs/{run_id}", search="RATE")
    by_value = page(api, f"/runs/{run_id}", search="adam")

    assert ">learning_rate</th>" in by_name
    assert ">rate of errors</a>" in by_name
    assert "1 of 3" in by_name
    assert ">batch</th>" not in by_name
    assert "No tag has this" in by_name
    assert ">optimizer</th>" in by_value
    assert "No metric has this" in by_value


def test_of_very_many_values_the_first_are_shown_until_all_are_asked_for(api: Any) -> None:
    run_id = api.run()
    for start in range(0, 700, 100):
        params = [tag(f"p{number:03}", str(number)) for number in range(start, start + 100)]
        api.post("runs/log-batch", run_id=run_id, params=params)

    first = page(api, f"/runs/{run_id}")
    everything = page(api, f"/runs/{run_id}", all="1")

    assert ">p499</th>" in first
    assert ">p500</th>" not in first
    assert "The first 500 of 700." in first
    assert ">p699</th>" in everything


def test_metrics_link_to_their_curves_and_system_metrics_stand_apart(api: Any) -> None:
    run_id = api.run()
    for key, value in (("val/loss a", 0.123456789), ("system/cpu", 50), ("worst", "Infinity")):
        api.post("runs/log-metric", run_id=run_id, key=key, value=value, timestamp=1, step=7)

    html = page(api, f"/runs/{run_id}")

    assert f'<a href="/runs/{run_id}/charts#metric-val/loss%20a">val/loss a</a>' in html
    assert "∞" in html
    folded = html[html.index("System metrics") :]
    assert "system/cpu" in folded
    assert "system/cpu" not in html[: html.index("System metrics")]


def test_tags_of_programs_are_folded_away_from_those_of_people(api: Any) -> None:
    run_id = api.run(tags=[tag("team", "blue"), tag("mlflow.user", "ada"), tag("runner.command", "true")])

    html = page(api, f"/runs/{run_id}")

    before, folded = html.split("System tags")
    assert ">team</th>" in before
    assert ">mlflow.user</th>" in folded
    assert ">runner.command</th>" in folded
    assert 'name="key" value="mlflow.user"' not in html


def test_children_are_counted_and_the_oldest_shown_with_what_distinguishes_them(api: Any) -> None:
    parent = api.run(run_name="sweep")
    api.post("runs/log-parameter", run_id=parent, key="alike", value="1")
    api.post("runs/log-metric", run_id=parent, key="zz objective", value=1, timestamp=1)
    for number in range(25):
        child = api.run(run_name=f"trial-{number:02}", start_time=number, tags=[tag(PARENT, parent)])
        api.post("runs/log-batch", run_id=child, params=[tag("alike", "1"), tag("lr", f"0.{number}")])
        for key in ("aa", "zz objective"):
            api.post("runs/log-metric", run_id=child, key=key, value=number, timestamp=1)
    gone = api.run(run_name="deleted", tags=[tag(PARENT, parent)])
    api.post("runs/delete", run_id=gone)

    html = page(api, f"/runs/{parent}")
    nested = html[html.index('id="children"') :]

    assert rows(nested)[0] == "Run Status Started Duration zz objective aa lr alike"
    assert re.findall(r">(trial-\d+)</a>", nested) == [f"trial-{number:02}" for number in range(20)]
    assert ">25</span>" in nested
    assert "deleted" not in nested
    link = re.search(r'href="(/experiments/0\?filter=[^"]+)"', nested)
    assert link is not None
    assert "trial-24" in page(api, link[1])


def test_data_sets_are_described_with_their_columns(api: Any) -> None:
    run_id = api.run()
    dataset = {
        "name": "wine",
        "digest": "abc123",
        "source_type": "http",
        "source": json.dumps({"url": "https://example.org/wine.csv"}),
        "schema": json.dumps(
            {"mlflow_colspec": [{"name": "ph", "type": "double"}, {"name": "n", "type": "long"}]}
        ),
        "profile": '{"num_rows": 4898}',
    }
    odd = {"name": "odd", "digest": "1", "source_type": "x", "source": "[" * 9000, "schema": "not JSON <b>"}
    api.post(
        "runs/log-inputs",
        run_id=run_id,
        datasets=[
            {"dataset": dataset, "tags": [tag("mlflow.data.context", "training")]},
            {"dataset": odd, "tags": []},
        ],
    )

    html = page(api, f"/runs/{run_id}")

    for words in ("training", "abc123", "https://example.org/wine.csv", "Schema: 2 columns", "4898"):
        assert words in html
    assert "not JSON &lt;b&gt;" in html
    assert {"ph double", "n long"} <= set(rows(html))


def test_models_are_named_with_the_versions_that_were_made_of_them(api: Any) -> None:
    run_id = api.run()

    def model(name: str) -> str:
        reply = api.http.post(f"{V2}/logged-models", json={"experiment_id": "0", "name": name})
        return str(reply.json()["model"]["info"]["model_id"])

    made, read = model("made"), model("read")
    api.post("runs/outputs", run_id=run_id, models=[{"model_id": made, "step": 100}])
    api.post("runs/log-inputs", run_id=run_id, models=[{"model_id": read}, {"model_id": "m-unknown"}])
    api.post("registered-models/create", name="wine & co")
    api.post(
        "model-versions/create", name="wine & co", source=f"models:/{made}", model_id=made, run_id=run_id
    )
    api.post("registered-models/alias", name="wine & co", alias="champion", version="1")

    html = page(api, f"/runs/{run_id}")

    assert 'href="/models/wine%20%26%20co/versions/1">wine &amp; co, version 1</a>' in html
    assert "@champion" in html
    assert f'href="/logged-models/{read}/artifacts"' in html
    assert "m-unknown" in html
    (line,) = [row for row in rows(html) if "100" in row]
    assert line.startswith("made")
    assert line.endswith("wine &amp; co, version 1 @champion")


def test_forms_change_a_run_by_the_calls_of_the_api(api: Any) -> None:
    run_id = api.run(run_name="before")

    def send(form: str, **fields: str) -> Any:
        return api.http.post(f"/runs/{run_id}/{form}", data=fields)

    assert send("rename", name="after").headers["location"] == f"/runs/{run_id}"
    send("tag", key="team", value="blue")
    send("tag", key="other", value="x")
    send("untag", key="other")
    send("describe", description="one\r\ntwo")
    data = api.whole_run(run_id)
    assert data["info"]["run_name"] == "after"
    tags = {each["key"]: each["value"] for each in data["data"]["tags"]}
    assert (tags["team"], tags["mlflow.note.content"], "other" in tags) == ("blue", "one\ntwo", False)

    send("delete", back=f"/runs/{run_id}")
    assert api.whole_run(run_id)["info"]["lifecycle_stage"] == "deleted"
    html = page(api, f"/runs/{run_id}")
    assert "Restore this run" in html
    assert "Set tag" not in html
    assert send("tag", key="late", value="x").status_code == 400
    assert send("restore", back="//evil.example").headers["location"] == "/"
    assert api.whole_run(run_id)["info"]["lifecycle_stage"] == "active"


@pytest.mark.parametrize(("form", "fields"), [("rename", {"name": " "}), ("tag", {"key": ""}), ("untag", {})])
def test_a_form_that_lacks_something_says_so(api: Any, form: str, fields: dict[str, str]) -> None:
    assert api.http.post(f"/runs/{api.run()}/{form}", data=fields).status_code == 400
