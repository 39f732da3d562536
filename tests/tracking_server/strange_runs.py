"""Runs, files and models of every unusual kind, and words that no address should hold."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
PARENT = "mlflow.parentRunId"
HUGE = "9" * 5000
DEEP = 100_000
SURROGATE = r"\ud800"
WORDS = [
    *("", " ", "0", "-1", "1", "nan", "inf", "-inf", "1e308", "-1e308", "9223372036854775808", HUGE),
    *("\0", "a\0b", "\x1b[31m", "\ud7ff", "\ufffe", "é", "日本", "\u202e", "😀", "²", "\u0663", "\r\nX: y"),
    *(
        "..",
        "../..",
        "/",
        "//evil.example",
        "\\",
        "%",
        "%00",
        "'",
        '"',
        "`",
        "<script>",
        "{{7*7}}",
        "a" * 3000,
    ),
    *("javascript:alert(1)", "data:text/html,x", "(" * 60, "[", "a{1000}{1000}", "metrics.m", "params.p"),
    *("tags.t", "max:metrics.m", "attributes.run_id", "metrics.m = 1", "metrics.m >", "metrics.m ASC"),
    *("kind=line&y=metrics.m&group=params.p", "kind=images&key=k", "kind=parallel&axis=params.p,metrics.m"),
    *("all", "differences", "deleted", "none", "step", "relative", "time", "metric:m", "params", "m", "p"),
    *(
        "pin",
        "stop",
        "extend",
        "colour-" + HUGE,
        HUGE + "-x",
        "Staging",
        "-value",
        "param.p",
        "runner/run.json",
    ),
]


def stored(api: Any) -> dict[str, list[str]]:
    """Ids that are in the store, by the names that addresses have for them."""
    experiment = api.experiment("<b>'\"&\u202e😀" + "é" * 300)
    gone = api.experiment("gone")
    api.post("experiments/delete", experiment_id=gone)
    sweep = _a_sweep(api, experiment)
    bare = api.run(experiment, run_name=" ", start_time=-(2**62), tags=[])
    own_parent = api.run(experiment, start_time=2**62)
    api.post("runs/set-tag", run_id=own_parent, key=PARENT, value=own_parent)
    one = api.run(experiment)
    other = api.run(experiment, tags=[{"key": PARENT, "value": one}])
    api.post("runs/set-tag", run_id=one, key=PARENT, value=other)
    deleted = api.run(experiment)
    api.post("runs/delete", run_id=deleted)
    described = _a_described_run(api, experiment)
    model = api.post("logged-models", experiment_id=experiment, name="m", source_run_id=described)["model"]
    name = 'a model\'s "name" & <b>'
    for each in (name, "é%2F?#"):
        api.post("registered-models/create", name=each, description="[x](javascript:alert(1)) <script>")
    api.post("model-versions/create", name=name, source=f"runs:/{described}/model", run_id=described)
    return {
        "run_id": [sweep, bare, own_parent, one, other, deleted, described],
        "experiment_id": ["0", experiment, gone],
        "model_id": [model["info"]["model_id"]],
        "name": [name, "é%2F?#"],
        "version": ["1"],
    }


def _a_sweep(api: Any, experiment: str) -> str:
    """Trials whose numbers are at the ends of what there is."""
    sweep = str(api.run(experiment, run_name="sweep"))
    tags = {"runner.sweep": "s", "runner.sweep.objective": "m maximize", "runner.sweep.trials": HUGE}
    for key, value in tags.items():
        api.post("runs/set-tag", run_id=sweep, key=key, value=value)
    numbers = ["1e308", "1e-308", "1.7e308", "-1e308", "0", "1e300", "nan", "inf", "1e307", "1e308", "text"]
    values = ["NaN", "Infinity", "-Infinity", 1.7e308, -1.7e308, 0, 1, 1e-308, 1.6e308, "Infinity", 5]
    for at, (number, measured) in enumerate(zip(numbers, values, strict=True)):
        trial = api.run(experiment, start_time=at, tags=[{"key": PARENT, "value": sweep}])
        metric = {"timestamp": at, "step": 0}
        api.post(
            "runs/log-batch",
            run_id=trial,
            params=[{"key": "p", "value": number}, {"key": "q", "value": str(1.7 * 10.0 ** (30.8 * at))}],
            metrics=[
                {"key": "m", "value": measured, **metric},
                {"key": "m", "value": measured, "timestamp": 2**62, "step": 2**62},
                {"key": "m", "value": "NaN", "timestamp": 0, "step": -(2**62)},
                {"key": "huge", "value": 1.7e308, **metric},
                {"key": "endless", "value": "Infinity", **metric},
            ],
            tags=[{"key": "t", "value": "group"}, {"key": "runner.sweep.trial", "value": HUGE[:300]}],
        )
        if at % 2:
            api.post("runs/update", run_id=trial, status="FINISHED", end_time=at - 5)
    return sweep


def _a_described_run(api: Any, experiment: str) -> str:
    """A run whose descriptions, tags and files are not what they should be."""
    run = str(api.run(experiment, run_name="described"))
    tags = {
        "mlflow.note.content": f"# x\n<script>alert(1)</script>\n![x](/a)\n{'>' * 500} x\n{'[' * 500}",
        "mlflow.source.git.repoURL": "javascript:alert(1)//[::1",
        "mlflow.source.git.commit": "--exec=x",
        "runner.source.artifacts": f"runs:/{run}/runner/..",
        "runner.environment.lock": f"runs:/{run}/",
        "runner.command": "\x1b]8;;x\x07",
        "": "",
    }
    for key, value in tags.items():
        if key:
            api.post("runs/set-tag", run_id=run, key=key, value=value)
    api.post(
        "runs/log-inputs",
        run_id=run,
        datasets=[
            {
                "dataset": {
                    "name": f"n{number}",
                    "digest": "d",
                    "source_type": "t",
                    "source": source,
                    "schema": schema,
                    "profile": schema,
                },
                "tags": [],
            }
            for number, (source, schema) in enumerate(
                [
                    ("[" * 9000, "[" * 9000),
                    (f'{{"uri": "{SURROGATE}"}}', f'{{"mlflow_colspec": [{{"name": "{SURROGATE}"}}]}}'),
                    (
                        '{"url": "javascript:alert(1)"}',
                        f'{{"mlflow_colspec": [{{"type": {"[" * 900 + "]" * 900}}}]}}',
                    ),
                    (f'{{"url": {HUGE}}}', f'{{"mlflow_colspec": [{{"type": {HUGE}}}]}}'),
                    ("null", '{"mlflow_colspec": [1]}'),
                ]
            )
        ],
    )
    for path, content in _files().items():
        reply = api.http.put(f"{ARTIFACTS}/{experiment}/{run}/artifacts/{path}", content=content)
        assert reply.status_code == 200, reply.text
    return run


def _files() -> dict[str, bytes]:
    deep = b"[" * DEEP
    spec = json.dumps([{"name": "\ud800", "type": "double"}])
    return {
        "runner/sweep.json": b'{"parameters": ' + deep,
        "runner/run.json": f'{{"params": {{"{SURROGATE}": "{SURROGATE}"}}, "source": {deep.decode()[:900]}'.encode(),
        "runner/output.log": b"\x1b[999999999999C\x1b[38;5;99999m\xff\xfe\0" + b"x" * 70_000,
        "deep.json": deep,
        "deep.yaml": deep,
        "surrogate.json": f'{{"{SURROGATE}": ["{SURROGATE}"]}}'.encode(),
        "table.json": f'{{"columns": ["{SURROGATE}"], "data": [["{SURROGATE}"]]}}'.encode(),
        "bomb.yaml": b"a: &a [x,x]\n"
        + b"".join(b"%c: &%c [*%c,*%c]\n" % (c, c, c - 1, c - 1) for c in range(98, 120)),
        "self.yaml": b"a: &a [*a]\n",
        "strange.yaml": b'? [a]\n: "\\ud800"\n? {b: c}\n: !!python/object:os.system x\nn: 1:2:3\n',
        "model/MLmodel": f"flavors: {{a: {{b: 'x'}}}}\nsignature: {{inputs: '{spec}'}}\nmodel_size_bytes: -1\n".encode(),
        "x.csv": b'"' + b"a,b\n" * 2000,
        "y.csv": b"a\0b,c\n\xff",
        "z.md": b"[" * 3000 + b"](javascript:alert(1)) [a](\\\\evil.example) ![x](//evil.example/[)",
        "u.html": b"<script>parent.location='/'</script>",
        "empty.png": b"",
        "images/k%step%99999999999999999999%timestamp%1%x.png": b"x",
    }


PATHS = [*_files(), "model", "nothing", "../..", "images"]


def ask(api: Any, method: str, address: str, **more: Any) -> None:
    reply = api.http.request(method, address, **more)
    assert reply.status_code < 500, f"{method} {address}: {reply.status_code}"
    location = reply.headers.get("location", "/")
    assert re.match(r"/(?![/\\])", location), f"{method} {address} leads to {location}"
    assert all(value.isprintable() for value in reply.headers.values())


def address_of(pattern: str, ids: dict[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda match: quote(ids[match[1]], safe=""), pattern)
