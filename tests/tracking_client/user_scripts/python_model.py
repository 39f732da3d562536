"""Models that are Python code: a class with files of its own, and a function."""

import sys
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

mlflow.set_experiment(sys.argv[1])


class Threshold(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # a class of whichever client this is of
    """Whether a score is above what a file says."""

    def load_context(self, context: Any) -> None:
        self.limit = float(Path(context.artifacts["limit"]).read_text())

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        return model_input["score"] > self.limit


frame = pd.DataFrame({"score": [0.25, 0.75]})
with mlflow.start_run(run_name="making"):
    limit = Path("limit.txt")
    limit.write_text("0.5")
    made = mlflow.pyfunc.log_model(
        name="threshold",
        python_model=Threshold(),
        artifacts={"limit": str(limit)},
        signature=mlflow.models.infer_signature(frame, [True, False]),
        pip_requirements=["pandas"],
        metadata={"for": "tests"},
    )
    print(made.name, made.signature.inputs.input_names())
