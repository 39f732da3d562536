"""The pages for people."""

from __future__ import annotations

import re
from typing import Any

import pytest

EVIL = "<script>alert('x')</script>"


def page(api: Any, path: str) -> str:
    reply = api.http.get(path)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("text/html")
    return str(reply.text)


def test_the_first_page_lists_experiments_and_new_runs(api: Any) -> None:
    experiment_id = api.experiment("wine quality")
    run_id = api.run(experiment_id, run_name="first run")

    html = page(api, "/")

    assert re.search(f'href="/experiments/{experiment_id}"[^>]*>wine quality</a>', html)
    assert re.search(f'href="/runs/{run_id}"[^>]*>first run</a>', html)


def test_nested_runs_stand_under_their_parents_at_any_depth(api: Any) -> None:
    parent = api.run(run_name="sweep", start_time=1)
    tag = "mlflow.parentRunId"
    later = api.run(run_name="trial-2", start_time=3, tags=[{"key": tag, "value": parent}])
    api.run(run_name="trial-1", start_time=2, tags=[{"key": tag, "value": parent}])
    api.run(run_name="fold", start_time=4, tags=[{"key": tag, "value": later}])
    api.run(run_name="other", start_time=9)

    html = page(api, "/experiments/0?open=all")

    order = re.findall(r'depth-(\d)">.*?<a class="name" href="/runs/\w+">([\w-]+)</a>', html)
    assert order == [("0", "other"), ("0", "sweep"), ("1", "trial-1"), ("1", "trial-2"), ("2", "fold")]


def test_runs_that_are_each_others_parents_do_not_hang_a_page(api: Any) -> None:
    one = api.run(run_name="one")
    two = api.run(run_name="two", tags=[{"key": "mlflow.parentRunId", "value": one}])
    api.post("runs/set-tag", run_id=one, key="mlflow.parentRunId", value=two)

    assert "two" in page(api, f"/runs/{one}")
    assert "one" in page(api, "/experiments/0?filter=run_name+!%3D+''")


def test_the_runs_table_shows_params_metrics_and_status(api: Any) -> None:
    run_id = api.run(start_time=1000)
    api.post("runs/log-parameter", run_id=run_id, key="lr", value="0.01")
    api.post("runs/log-metric", run_id=run_id, key="rmse", value=0.123456789, timestamp=1)
    api.post("runs/update", run_id=run_id, status="FAILED", end_time=63_500)

    html = page(api, "/experiments/0")

    for word in (">lr</a></th>", ">0.01</td>", ">rmse</a></th>", ">0.123457</td>", "Failed", "1 min 02 s"):
        assert word in html


def test_a_filter_narrows_the_table_and_a_broken_one_is_explained(api: Any) -> None:
    run_id = api.run(run_name="wanted")
    api.post("runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1)
    api.run(run_name="unwanted-one")

    narrowed = page(api, "/experiments/0?filter=metrics.m+%3D+1")
    broken = page(api, "/experiments/0?filter=metrics.m+%3D")

    assert "wanted" in narrowed
    assert "unwanted-one" not in narrowed
    assert "expected a number" in broken
    assert "unwanted-one" in broken


def test_long_tables_have_pages(api: Any) -> None:
    for number in range(52):
        api.run(run_name=f"run-{number:02}", start_time=number)

    first = page(api, "/experiments/0")
    match = re.search(r'href="(/experiments/0\?page_token=[^"]+)"', first)
    assert match is not None
    second = page(api, match[1].replace("&amp;", "&"))

    assert "run-51" in first
    assert "run-01" not in first
    assert "run-01" in second


def test_a_runs_page_shows_all_there_is(api: Any) -> None:
    run_id = api.run(run_name="the run")
    api.post("runs/log-parameter", run_id=run_id, key="lr", value="0.01")
    api.post("runs/log-metric", run_id=run_id, key="loss", value="NaN", timestamp=1, step=7)
    api.post("runs/set-tag", run_id=run_id, key="team", value="blue")
    child = api.run(run_name="a child", tags=[{"key": "mlflow.parentRunId", "value": run_id}])

    html = page(api, f"/runs/{run_id}")

    for word in ("the run", ">lr</th>", ">NaN</td>", "blue", "a child"):
        assert word in html
    assert f'<a href="/runs/{run_id}">the run</a>' in page(api, f"/runs/{child}")


def test_what_clients_stored_is_never_a_part_of_the_page(api: Any) -> None:
    experiment_id = api.experiment(EVIL)
    run_id = api.run(experiment_id, run_name=EVIL, tags=[{"key": "mlflow.note.content", "value": EVIL}])
    api.post("runs/log-parameter", run_id=run_id, key="p", value=EVIL)
    api.post("runs/set-tag", run_id=run_id, key="mlflow.parentRunId", value='"><img src=x>')

    for path in (
        "/",
        f"/experiments/{experiment_id}",
        f"/experiments/{experiment_id}?filter={EVIL}",
        f"/runs/{run_id}",
        f"/runs/{run_id}/log",
        f"/runs/{run_id}/provenance",
    ):
        reply = api.http.get(path)
        assert "<script>" not in reply.text
        assert "<img" not in reply.text
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self' 'sha256-")
        assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/runs/nope", "/experiments/77"])
def test_what_is_not_there_says_so(api: Any, path: str) -> None:
    reply = api.http.get(path)

    assert reply.status_code == 404
    assert "Not found" in reply.text


def test_pages_have_one_style_for_both_colour_schemes(api: Any) -> None:
    address = re.search(r'href="(/static/[0-9a-f]{12}/style.css)"', page(api, "/"))
    assert address is not None
    style = api.http.get(address[1])

    assert style.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in style.text


def test_a_run_whose_artifacts_are_elsewhere_still_has_a_page(api: Any) -> None:
    run_id = api.run(api.experiment("x", artifact_location="s3://bucket/x"))

    assert run_id in page(api, f"/runs/{run_id}")
    for tab in ("log", "provenance"):
        assert "not served by this server" in page(api, f"/runs/{run_id}/{tab}")


def test_files_of_pages_are_kept_for_good_and_sent_compressed(api: Any) -> None:
    address = re.search(r"/static/[0-9a-f]{12}/", page(api, "/"))
    assert address is not None
    kept = api.http.get(address[0] + "plotly.min.js", headers={"Accept-Encoding": "gzip"})
    plain = api.http.get(address[0] + "plotly.min.js", headers={"Accept-Encoding": "identity"})
    older = api.http.get("/static/0123456789ab/page.js")

    assert "immutable" in kept.headers["cache-control"]
    assert kept.headers["content-encoding"] == "gzip"
    assert int(kept.headers["content-length"]) < int(plain.headers["content-length"]) / 3
    assert kept.content == plain.content
    assert older.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fpage.js", "%2e%2e", "page.js%00", ".."])
def test_no_other_file_is_served(api: Any, name: str) -> None:
    assert api.http.get(f"/static/0123456789ab/{name}").status_code == 404


def test_a_form_of_another_site_changes_nothing(api: Any) -> None:
    reply = api.http.post(
        "/experiments/create", data={"name": "forged"}, headers={"Origin": "http://evil.example"}
    )

    assert reply.status_code == 403
    assert "forged" not in page(api, "/")


def test_a_form_leads_back_to_pages_of_this_server_only(api: Any) -> None:
    for back in ("//evil.example/", "/\\evil.example", "https://evil.example/", "javascript:alert(1)"):
        reply = api.http.post("/experiments/0/rename", data={"name": "Default", "back": back})
        assert reply.headers["location"] == "/"
