"""Which public calls of MLflow's client a session makes, and which are none of ours."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import mlflow

OUT_OF_SCOPE = {
    "prompt": "prompts are not in scope: what of them is made of registered models works, the rest answers 501",
    "trace": "traces are not in scope: they answer 501",
    "span": "traces are not in scope",
    "mcp": "the MCP registry is not in scope",
    "workspace": "workspaces are not in scope",
    "assessment": "GenAI evaluation is not in scope",
    "feedback": "GenAI evaluation is not in scope",
    "expectation": "GenAI evaluation is not in scope",
    "sessions": "GenAI evaluation is not in scope",
    "log_issue": "GenAI evaluation is not in scope",
    "create_dataset": "evaluation datasets are GenAI's; datasets of runs are logged as inputs",
    "delete_dataset": "as create_dataset",
    "get_dataset": "as create_dataset",
    "search_datasets": "as create_dataset",
    "set_dataset_tags": "as create_dataset",
    "dataset_to_experiments": "as create_dataset",
    "dataset_from_experiments": "as create_dataset",
    "import_checkpoints": "reads volumes of a vendor's cloud",
    "login": "of a vendor's cloud",
    "evaluate": "is mlflow.models.evaluate, which is used",
    "validate_evaluation_results": "compares results that are in memory already",
    "run": "runs projects; it is what this project's own runner is for",
    "doctor": "prints the client's installation",
    "test": "runs the checks of a GenAI suite",
    "autolog": "turns on logging for every library that is installed; mlflow.sklearn.autolog is used",
    "get_registry_uri": "asks no server",
    "set_registry_uri": "asks no server",
    "is_tracking_uri_set": "asks no server",
    "get_current_active": "traces are not in scope",
    "context": "sets tags of traces",
    "log_outputs": "is refused by the client itself for every server but its vendor's; MlflowClient's is used",
}
"""Parts of names, each with its reason; a name that is a whole word here must be equal."""

_WHOLE = frozenset({"context", "run", "test", "evaluate", "login", "doctor", "autolog"})


def out_of_scope(name: str) -> bool:
    """Whether a call is listed above."""
    return any(name == part if part in _WHOLE else part in name for part in OUT_OF_SCOPE)


class Calls:
    """Counts calls of `MlflowClient` and of the module `mlflow`."""

    def __init__(self) -> None:
        self.made: set[str] = set()
        self.public: set[str] = set()
        client = mlflow.MlflowClient
        for name, call in inspect.getmembers(client, inspect.isfunction):
            if not name.startswith("_"):
                self.public.add(f"MlflowClient.{name}")
                setattr(client, name, self._noting(f"MlflowClient.{name}", call))
        for name in mlflow.__all__:
            call = getattr(mlflow, name)
            if inspect.isfunction(call):
                self.public.add(f"mlflow.{name}")
                setattr(mlflow, name, self._noting(f"mlflow.{name}", call))

    def _noting(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def noting(*arguments: Any, **named: Any) -> Any:
            self.made.add(name)
            return call(*arguments, **named)

        return noting

    def missing(self) -> list[str]:
        """Public calls that were neither made nor are out of scope."""
        return sorted(name for name in self.public - self.made if not out_of_scope(name.partition(".")[2]))
