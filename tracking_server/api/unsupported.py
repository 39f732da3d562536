"""What MLflow's server has and this one has not, by path: traces and all that is built on them.

Families as in the route table of MLflow 3.17.2. A client that calls one of them is told so in one sentence,
with a status that it does not retry.
"""

from __future__ import annotations

import re

from tracking_server.errors import NotSupported

_FAMILIES = {
    "traces": "traces",
    "unified-traces": "traces",
    "get-online-trace-details": "traces",
    "get-trace-artifact": "traces",
    "assessments": "assessments",
    "datasets": "evaluation datasets",
    "gateway": "the AI gateway",
    "gateway-proxy": "the AI gateway",
    "genai": "GenAI evaluation",
    "issues": "issues",
    "label-schemas": "label schemas",
    "review-queues": "review queues",
    "prompt-optimization": "prompt optimisation",
    "prompts": "the prompt registry",
    "scorers": "scorers",
    "scorer": "scorers",
    "jobs": "jobs",
    "workspaces": "workspaces",
    "demo": "demo data",
    "assistant": "the assistant",
    "ui-telemetry": "telemetry",
    "mcp-servers": "the MCP server registry",
    "runs/create-promptlab-run": "the prompt lab",
}
_ROOTS = {
    "/graphql": "GraphQL",
    "/v1/traces": "traces",
    "/gateway": "the AI gateway",
    "/ajax-api/3.0/jobs": "jobs",
}
_CALL = re.compile(r"/(?:ajax-)?api/\d\.0/mlflow/(runs/create-promptlab-run|[^/]+)(?:/.*)?", re.DOTALL)


def check(path: str) -> None:
    """Refuse a path of MLflow's that this server does not serve. Raises NotSupported."""
    feature = _feature(path)
    if feature is not None:
        raise NotSupported(
            f"This server does not have {feature}: it tracks runs, metrics, artifacts, logged models and "
            "registered models. Use MLflow's own server for the rest."
        )


def _feature(path: str) -> str | None:
    for root, feature in _ROOTS.items():
        if path == root or path.startswith(root + "/"):
            return feature
    call = _CALL.fullmatch(path)
    return None if call is None else _FAMILIES.get(call[1])
