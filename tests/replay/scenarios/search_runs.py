"""The filter language and the orders of runs, with pages."""

from __future__ import annotations

from typing import Any

from tests.replay.record import Speaker

NUMBERS = (">", ">=", "<", "<=", "=", "!=")
METRIC_FILTERS = [f"metrics.loss {operator} 0.5" for operator in NUMBERS] + [
    f"metrics.`odd name` {operator} 2" for operator in NUMBERS
]
FILTERS = [
    "",
    " ",
    *METRIC_FILTERS,
    'metrics."odd name" > 1',
    "metric.loss > 0.5",
    "metrics.loss>0.5",
    "metrics.loss   >   0.5",
    "metrics.loss > 5e-1",
    "metrics.loss > -1",
    "metrics.loss > .25",
    "metrics.loss > 1.",
    "metrics.loss > 0",
    "metrics.deep/er > 0",
    "metrics.`deep/er` > 0",
    "metrics.deep.er > 0",
    "metrics.nan = 0",
    "metrics.nan != 0",
    "metrics.nan > 0",
    "metrics.inf > 1e300",
    "metrics.inf = 1.7976931348623157e308",
    "metrics.nothing > 0",
    "metrics.loss > 0.2 AND metrics.loss < 0.8",
    "metrics.loss > 0.2 and metrics.loss < 0.8",
    "metrics.loss > 0.2 AND params.optimizer = 'adam' AND tags.team = 'a'",
    "metrics.loss = '0.5'",
    "metrics.loss > '0.5'",
    "metrics.loss > abc",
    "metrics.loss LIKE '0.5'",
    "metrics.loss IN (0.5)",
    "metrics.loss IS NULL",
    "metrics.loss IS NOT NULL",
    "params.optimizer = 'adam'",
    'params.optimizer = "adam"',
    "params.optimizer = `adam`",
    "params.optimizer = adam",
    "params.optimizer != 'adam'",
    "params.optimizer = 'ADAM'",
    "params.optimizer LIKE 'ad%'",
    "params.optimizer LIKE 'AD%'",
    "params.optimizer LIKE '%a%'",
    "params.optimizer LIKE '_dam'",
    "params.optimizer LIKE 'adam'",
    "params.optimizer ILIKE 'AD%'",
    "params.optimizer like 'ad%'",
    "params.optimizer ilike 'AD%'",
    "params.optimizer LIKE '%\\%%'",
    "params.optimizer NOT LIKE 'ad%'",
    "params.optimizer IS NULL",
    "params.optimizer IS NOT NULL",
    "params.optimizer is null",
    "params.optimizer IN ('adam', 'sgd')",
    "params.optimizer > 'adam'",
    "params.optimizer = 5",
    "params.batch = '32'",
    "params.batch = 32",
    "params.batch > 16",
    "param.optimizer = 'adam'",
    "parameter.optimizer = 'adam'",
    "parameters.optimizer = 'adam'",
    "params.`odd name` = 'x y'",
    "params.\"odd name\" = 'x y'",
    "params.quoted = 'it''s'",
    'params.quoted = "it\'s"',
    "params.quoted = 'it\\'s'",
    "params.empty = ''",
    "params.empty != ''",
    "params.nothing != 'x'",
    "params.nothing IS NULL",
    "params.optimizer = ''",
    "params.unicode = 'né'",
    "params.unicode ILIKE 'NÉ'",
    "params.`a.b` = '1'",
    "params.a.b = '1'",
    "tags.team = 'a'",
    "tag.team = 'a'",
    "tags.team != 'a'",
    "tags.team LIKE '%'",
    "tags.team IS NULL",
    "tags.team IS NOT NULL",
    "tags.`mlflow.runName` = 'r1'",
    "tags.mlflow.runName = 'r1'",
    "tags.mlflow.parentRunId = 'none'",
    "tags.team IN ('a', 'b')",
    "tags.team = 1",
    "attributes.status = 'RUNNING'",
    "attribute.status = 'FINISHED'",
    "attr.status = 'FINISHED'",
    "run.status = 'FINISHED'",
    "status = 'FINISHED'",
    "status != 'FINISHED'",
    "status = 'finished'",
    "status LIKE 'FIN%'",
    "status ILIKE 'fin%'",
    "status IN ('FINISHED', 'FAILED')",
    "status NOT IN ('FINISHED')",
    "status > 'A'",
    "status = 3",
    "Status = 'FINISHED'",
    "attributes.run_name = 'r1'",
    "run_name LIKE 'r%'",
    "run_name ILIKE 'R%'",
    "run_name IN ('r1', 'r2')",
    "run_name NOT IN ('r1', 'r2')",
    "`run name` = 'r1'",
    "\"run name\" = 'r1'",
    "attributes.`run name` = 'r1'",
    "attributes.`Run name` = 'r1'",
    "attributes.`Run Name` = 'r1'",
    "run name = 'r1'",
    "attributes.user_id = 'anne'",
    "user_id != 'anne'",
    "attributes.artifact_uri LIKE '%artifacts'",
    "attributes.experiment_id = '1'",
    "attributes.lifecycle_stage = 'active'",
    "attributes.start_time > 1000",
    "start_time = 1001",
    "start_time >= 1001 AND start_time <= 1002",
    "start_time != 1001",
    "start_time = '1001'",
    "start_time > 1000.5",
    "start_time LIKE '1%'",
    "start_time IN (1001)",
    "end_time > 0",
    "end_time = 2001",
    "end_time != 2001",
    "end_time IS NULL",
    "created > 1000",
    "Created > 1000",
    "attributes.created > 1001",
    "attributes.Created > 1001",
    "attributes.run_id = 'nope'",
    "run_id = 'nope'",
    "run_id != 'nope'",
    "run_uuid = 'nope'",
    "run_id LIKE '%'",
    "run_id IN ('nope', 'neither')",
    "run_id IN ('nope',)",
    "run_id IN ()",
    "run_id NOT IN ('nope')",
    "run_id in ('nope')",
    "run_id IN ('a' 'b')",
    "run_id IN 'a'",
    "run_id IN (a)",
    "run_id IN (1, 2)",
    "dataset.name = 'train'",
    "datasets.name = 'train'",
    "dataset.digest = 'd1'",
    "dataset.context = 'training'",
    "dataset.name LIKE 'tr%'",
    "dataset.name ILIKE 'TR%'",
    "dataset.name != 'train'",
    "dataset.name IN ('train', 'eval')",
    "dataset.digest IN ('d1')",
    "dataset.context IN ('training')",
    "dataset.name = 'train' AND dataset.context = 'eval'",
    "dataset.name = 'train' AND dataset.digest = 'd1'",
    "dataset.nothing = 'x'",
    "dataset.name > 'a'",
    "dataset.name = 5",
    "dataset.name IS NULL",
    "nothing.loss > 0",
    "nothing > 0",
    "nothing = 'x'",
    "loss > 0.5",
    "metrics.loss",
    "metrics.loss >",
    "> 0.5",
    "metrics > 0.5",
    "metrics. > 0.5",
    ".loss > 0.5",
    "0.5 < metrics.loss",
    "metrics.loss > metrics.deep",
    "metrics.loss > 0.5 AND",
    "AND metrics.loss > 0.5",
    "metrics.loss > 0.5 AND AND metrics.loss < 1",
    "metrics.loss > 0.5 metrics.loss < 1",
    "metrics.loss > 0.5, metrics.loss < 1",
    "metrics.loss > 0.5;",
    "metrics.loss > 0.5; DROP TABLE runs",
    "metrics.loss > 0.5 -- comment",
    "metrics.loss > 0.5 OR metrics.loss < 0.2",
    "(metrics.loss > 0.5)",
    "(metrics.loss > 0.5) AND tags.team = 'a'",
    "NOT metrics.loss > 0.5",
    "metrics.loss == 0.5",
    "metrics.loss <> 0.5",
    "metrics.loss =! 0.5",
    "metrics.loss => 0.5",
    "metrics.loss ~ 0.5",
    "params.optimizer = 'adam",
    "params.optimizer = adam'",
    "params.'optimizer' = 'adam'",
    "params.`optimizer = 'adam'",
    "'params.optimizer' = 'adam'",
    "`params.optimizer` = 'adam'",
    "`params`.optimizer = 'adam'",
    "`params`.`optimizer` = 'adam'",
    "PARAMS.optimizer = 'adam'",
    "params.Optimizer = 'adam'",
    "metrics.loss BETWEEN 0 AND 1",
    "1 = 1",
    "true",
    "'a' = 'a'",
    "params.optimizer = 'adam' LIMIT 5",
    "tags.team = 'a' AND tags.team = 'b'",
    "tags.team = 'a' AND params.optimizer = 'adam' AND metrics.loss < 1 AND status = 'FINISHED'",
]
ORDERS: list[Any] = [
    [],
    ["metrics.loss"],
    ["metrics.loss ASC"],
    ["metrics.loss DESC"],
    ["metrics.loss asc"],
    ["metrics.loss desc"],
    ["metrics.nan"],
    ["metrics.nan DESC"],
    ["metrics.inf DESC"],
    ["metrics.nothing"],
    ["metrics.nothing DESC"],
    ["metrics.`odd name` DESC"],
    ['metrics."odd name"'],
    ["params.optimizer"],
    ["params.optimizer DESC"],
    ["params.batch"],
    ["params.nothing"],
    ["tags.team"],
    ["tags.team DESC"],
    ["tags.`mlflow.runName` DESC"],
    ["attributes.start_time"],
    ["attributes.start_time DESC"],
    ["start_time"],
    ["end_time"],
    ["end_time DESC"],
    ["status"],
    ["attributes.status DESC"],
    ["run_name"],
    ["run_name DESC"],
    ["attribute.run_name"],
    ["`run name` DESC"],
    ["attributes.`Run Name`"],
    ["user_id", "start_time"],
    ["created"],
    ["Created DESC"],
    ["lifecycle_stage"],
    ["experiment_id"],
    ["metrics.loss DESC", "params.optimizer ASC", "start_time DESC"],
    ["tags.team", "metrics.loss"],
    ["metrics.loss", "metrics.loss"],
    ["metrics.loss", "metrics.loss DESC"],
    ["start_time", "attributes.start_time"],
    ["loss"],
    ["nothing"],
    ["metrics"],
    ["metrics.loss UP"],
    ["metrics.loss ASC DESC"],
    ["metrics.loss > 1"],
    ["metrics.loss, params.optimizer"],
    [""],
    ["dataset.name"],
    ["DESC"],
    ["model.x"],
    "metrics.loss",
    [5],
]


def conversation(server: Speaker) -> None:
    experiment = server.post("experiments/create", {"name": "search"})["experiment_id"]
    runs = _runs(server, experiment)

    def find(say: str = "", /, **body: Any) -> Any:
        return server.post("runs/search", {"experiment_ids": [experiment], **body}, say=say)

    find("all")
    for text in FILTERS:
        find(filter=text)
    for order in ORDERS:
        find("order", order_by=order)
    find(filter=f"run_id = '{runs[0]}'")
    find(filter=f"run_id != '{runs[0]}'")
    find(filter=f"run_id IN ('{runs[0]}', '{runs[2]}')")
    find(filter=f"attributes.run_id NOT IN ('{runs[0]}','{runs[2]}')")
    find(filter=f"attributes.run_uuid = '{runs[0]}'")
    find(filter=f"tags.mlflow.parentRunId = '{runs[0]}'")
    find("a filter as a number", filter=5)
    find("a null filter", filter=None)
    _views(server, experiment, runs, find)
    _pages(find)


def _runs(server: Speaker, experiment: str) -> list[str]:
    made = []
    for number, (name, user) in enumerate(
        (("r1", "anne"), ("r2", "bob"), ("R3", "anne"), ("r4", ""), ("r5", "anne"))
    ):
        run = server.post(
            "runs/create",
            {"experiment_id": experiment, "start_time": 1000 + number, "run_name": name, "user_id": user},
        )
        made.append(run["run"]["info"]["run_id"])
    data: list[dict[str, Any]] = [
        {
            "m": {"loss": 0.25, "odd name": 1, "deep/er": 1},
            "p": {"optimizer": "adam", "batch": "32", "a.b": "1"},
            "t": {"team": "a"},
        },
        {
            "m": {"loss": 0.5, "odd name": 2, "deep.er": 1},
            "p": {"optimizer": "sgd", "batch": "8", "odd name": "x y"},
            "t": {"team": "b"},
        },
        {
            "m": {"loss": 0.75, "nan": "NaN", "inf": "Infinity"},
            "p": {"optimizer": "Adam%", "quoted": "it's"},
            "t": {"team": "a"},
        },
        {"m": {"loss": 0.75, "nan": 1, "inf": "-Infinity"}, "p": {"empty": "", "unicode": "né"}, "t": {}},
        {"m": {"nan": 0}, "p": {}, "t": {"team": "a", "mlflow.parentRunId": made[0]}},
    ]
    for run, has in zip(made, data, strict=True):
        server.post(
            "runs/log-batch",
            {
                "run_id": run,
                "metrics": [
                    {"key": key, "value": value, "timestamp": 1, "step": 0} for key, value in has["m"].items()
                ],
                "params": [{"key": key, "value": value} for key, value in has["p"].items()],
                "tags": [{"key": key, "value": value} for key, value in has["t"].items()],
            },
        )
    server.post(
        "runs/log-metric", {"run_id": made[0], "key": "loss", "value": 0.9, "timestamp": 1, "step": -1}
    )
    for run, name, context in (
        (made[0], "train", "training"),
        (made[0], "eval", "eval"),
        (made[1], "train", "eval"),
    ):
        dataset = {
            "name": name,
            "digest": "d1" if name == "train" else "d2",
            "source_type": "local",
            "source": "x",
        }
        tag = {"key": "mlflow.data.context", "value": context}
        server.post("runs/log-inputs", {"run_id": run, "datasets": [{"dataset": dataset, "tags": [tag]}]})
    server.post("runs/update", {"run_id": made[1], "status": "FINISHED", "end_time": 2001})
    server.post("runs/update", {"run_id": made[2], "status": "FAILED", "end_time": 2000})
    return made


def _views(server: Speaker, experiment: str, runs: list[str], find: Any) -> None:
    server.post("runs/delete", {"run_id": runs[3]})
    for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL", 1, 2, 3, "1", "all", "SOME", 0, None):
        find("view", run_view_type=view)
    other = server.post("experiments/create", {"name": "other"})["experiment_id"]
    server.post("runs/create", {"experiment_id": other, "start_time": 1010, "run_name": "elsewhere"})
    find("two experiments", experiment_ids=[experiment, other])
    find("an experiment twice", experiment_ids=[other, other])
    find("no experiments", experiment_ids=[])
    find("no such experiment", experiment_ids=["99"])
    find("no number", experiment_ids=["abc"])
    find("numbers", experiment_ids=[int(experiment)])
    find("no list", experiment_ids=experiment)
    server.post("runs/search", {}, say="nothing")
    server.post("runs/search", {"filter": "metrics.loss > 0"}, say="no experiments")


def _pages(find: Any) -> None:
    for order in ([], ["metrics.loss DESC"], ["params.optimizer"]):
        token = ""
        for _ in range(4):
            page = find("page", max_results=2, order_by=order, **({"page_token": token} if token else {}))
            token = page.get("next_page_token", "")
            if not token:
                break
    find("as many as there are", max_results=4)
    find("none", max_results=0)
    find("negative", max_results=-1)
    find("the most", max_results=50000)
    find("more than the most", max_results=50001)
    find("no number", max_results="x")
    find("number as text", max_results="1")
    find("unknown token", page_token="nonsense")
    find("empty token", page_token="", max_results=1)
