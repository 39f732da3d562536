"""The filter language and the orders of experiments, with pages."""

from __future__ import annotations

from typing import Any

from tests.replay.record import Speaker

FILTERS = [
    "",
    "name = 'alpha'",
    "name = 'Alpha'",
    "name != 'alpha'",
    "name LIKE 'a%'",
    "name LIKE 'A%'",
    "name ILIKE 'A%'",
    "name IN ('alpha', 'beta')",
    "name NOT IN ('alpha', 'beta')",
    "name > 'a'",
    "name = 5",
    "name IS NULL",
    "attribute.name = 'alpha'",
    "attributes.name = 'alpha'",
    "attr.name = 'alpha'",
    "experiment.name = 'alpha'",
    "experiment_id = '1'",
    "experiment_id != '1'",
    "experiment_id IN ('1', '2')",
    "experiment_id NOT IN ('1', '2')",
    "experiment_id = 1",
    "experiment_id > 1",
    "experiment_id IN (1, 2)",
    "experiment_id LIKE '1%'",
    "creation_time > 0",
    "creation_time < 5",
    "creation_time >= 5 AND name = 'alpha'",
    "creation_time = 'x'",
    "creation_time = '5'",
    "creation_time LIKE '5'",
    "creation_time IN (1)",
    "last_update_time > 0",
    "last_update_time != 0",
    "attribute.last_update_time <= 5",
    "tags.team = 'x'",
    "tag.team = 'x'",
    "tags.team != 'x'",
    "tags.team LIKE 'X%'",
    "tags.team ILIKE 'X%'",
    "tags.team IS NULL",
    "tags.team IS NOT NULL",
    "tags.`with space` = '1'",
    "tags.\"with space\" = '1'",
    "tags.team = 'x' AND tags.level = '1'",
    "tags.team = 'x' AND tags.team = 'y'",
    "tags.team = 5",
    "tags.team IN ('x')",
    "tags.nothing != 'x'",
    "metrics.loss > 1",
    "params.p = '1'",
    "lifecycle_stage = 'active'",
    "artifact_location LIKE '%'",
    "nothing = 'x'",
    "name",
    "name =",
    "name = 'alpha' OR name = 'beta'",
    "(name = 'alpha')",
    "NOT name = 'alpha'",
    "name = 'alpha' AND",
    "name = 'alpha",
    "name == 'alpha'",
    "name <> 'alpha'",
    "name='alpha'",
    'name = "alpha"',
    "name = alpha",
    "`name` = 'alpha'",
]
ORDERS: list[Any] = [
    [],
    ["name"],
    ["name ASC"],
    ["name DESC"],
    ["attribute.name desc"],
    ["experiment_id"],
    ["experiment_id DESC"],
    ["creation_time"],
    ["creation_time DESC"],
    ["last_update_time DESC"],
    ["name", "experiment_id"],
    ["name", "name"],
    ["tags.team"],
    ["metrics.x"],
    ["nothing"],
    ["name UP"],
    [""],
    ["lifecycle_stage"],
]


def conversation(server: Speaker) -> None:
    made = []
    for name, tags in (
        ("alpha", {"team": "x", "level": "1"}),
        ("beta", {"team": "Xy"}),
        ("Alpha two", {"with space": "1"}),
        ("delta", {}),
    ):
        body = {"name": name, "tags": [{"key": key, "value": value} for key, value in tags.items()]}
        made.append(server.post("experiments/create", body)["experiment_id"])

    def find(say: str = "", /, **body: Any) -> Any:
        return server.post(
            "experiments/search", {"max_results": 10, "order_by": ["experiment_id"], **body}, say=say
        )

    for text in FILTERS:
        find(filter=text)
    for order in ORDERS:
        find("order", order_by=order)
    server.post("experiments/delete", {"experiment_id": made[3]})
    for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL", 2, "3", "SOME"):
        find("view", view_type=view)
    token = ""
    for _ in range(4):
        page = find("page", max_results=2, **({"page_token": token} if token else {}))
        token = page.get("next_page_token", "")
        if not token:
            break
    find("none", max_results=0)
    find("negative", max_results=-1)
    find("the most", max_results=50000)
    find("more than the most", max_results=50001)
    find("unknown token", page_token="nonsense")
    server.post("experiments/search", {}, say="no max_results")
    server.get(
        "experiments/search",
        {"max_results": 2, "order_by": ["name"], "filter": "name LIKE 'a%'"},
        say="by GET",
    )
    server.get(
        "experiments/search",
        {"max_results": 10, "order_by": ["name DESC", "experiment_id"], "view_type": "ALL"},
        say="by GET",
    )
    server.get("experiments/search", {}, say="by GET, nothing")
