"""Every page: its address and what answers it."""

from __future__ import annotations

import re

from starlette.routing import BaseRoute, Route

from tracking_server.services import Services
from tracking_server.ui import static_files
from tracking_server.ui.artifacts import page as artifacts_page
from tracking_server.ui.charts import experiment_page as experiment_charts_page
from tracking_server.ui.charts import run_page as run_charts_page
from tracking_server.ui.charts import series_address
from tracking_server.ui.compare import page as compare_page
from tracking_server.ui.experiments import forms as experiment_forms
from tracking_server.ui.experiments import page as experiments_page
from tracking_server.ui.frame import Page, answer
from tracking_server.ui.models import forms as model_forms
from tracking_server.ui.models import logged as logged_models_page
from tracking_server.ui.models import model as model_page
from tracking_server.ui.models import page as models_page
from tracking_server.ui.models import version as version_page
from tracking_server.ui.run import forms as one_run_forms
from tracking_server.ui.run import log as run_log
from tracking_server.ui.run import page as run_page
from tracking_server.ui.run import provenance_page as run_provenance
from tracking_server.ui.runs import column_chooser, export, words
from tracking_server.ui.runs import forms as run_forms
from tracking_server.ui.runs import page as runs_page
from tracking_server.ui.sweep import forms as sweep_forms
from tracking_server.ui.sweep import page as sweep_page

PAGES: dict[str, Page] = {
    "/": experiments_page.show,
    "/experiments/{experiment_id}": runs_page.show,
    "/experiments/{experiment_id}/charts": experiment_charts_page.show,
    "/experiments/{experiment_id}/columns": column_chooser.show,
    "/experiments/{experiment_id}/runs.csv": export.as_csv,
    "/experiments/{experiment_id}/runs.json": export.as_json,
    "/experiments/{experiment_id}/words": words.names,
    "/experiments/{experiment_id}/values": words.values,
    "/runs/{run_id}": run_page.show,
    "/runs/{run_id}/artifacts": artifacts_page.show_run,
    "/runs/{run_id}/artifacts/raw": artifacts_page.raw_of_run,
    "/logged-models/{model_id}/artifacts": artifacts_page.show_model,
    "/logged-models/{model_id}/artifacts/raw": artifacts_page.raw_of_model,
    "/runs/{run_id}/log": run_log.show,
    "/runs/{run_id}/log/tail": run_log.tail,
    "/runs/{run_id}/provenance": run_provenance.show,
    "/experiments/{experiment_id}/models": logged_models_page.show,
    "/models": models_page.show,
    "/models/{name}": model_page.show,
    "/models/{name}/versions/{version}": version_page.show,
    "/compare": compare_page.show,
    "/compare.csv": compare_page.as_csv,
    "/compare.json": compare_page.as_json,
    "/runs/{run_id}/charts": run_charts_page.show,
    "/series": series_address.answer,
    "/runs/{run_id}/sweep": sweep_page.show,
    "/runs/{run_id}/sweep/state": sweep_page.state,
    "/runs/{run_id}/sweep/trials": sweep_page.details,
}
"""What is looked at."""

FORMS: dict[str, Page] = {
    "/experiments/create": experiment_forms.create,
    "/experiments/{experiment_id}/rename": experiment_forms.rename,
    "/experiments/{experiment_id}/delete": experiment_forms.delete,
    "/experiments/{experiment_id}/restore": experiment_forms.restore,
    "/experiments/{experiment_id}/tag": experiment_forms.set_tag,
    "/experiments/{experiment_id}/untag": experiment_forms.delete_tag,
    "/experiments/{experiment_id}/columns": run_forms.choose_columns,
    "/experiments/{experiment_id}/mark": run_forms.mark,
    "/experiments/{experiment_id}/delete-runs": run_forms.delete,
    "/experiments/{experiment_id}/restore-runs": run_forms.restore,
    "/runs/{run_id}/rename": one_run_forms.rename,
    "/runs/{run_id}/delete": one_run_forms.delete,
    "/runs/{run_id}/restore": one_run_forms.restore,
    "/runs/{run_id}/tag": one_run_forms.set_tag,
    "/runs/{run_id}/untag": one_run_forms.delete_tag,
    "/runs/{run_id}/describe": one_run_forms.describe,
    "/models/create": model_forms.create,
    "/models/{name}/rename": model_forms.rename,
    "/models/{name}/describe": model_forms.describe,
    "/models/{name}/tag": model_forms.set_tag,
    "/models/{name}/untag": model_forms.delete_tag,
    "/models/{name}/alias": model_forms.set_alias,
    "/models/{name}/unalias": model_forms.delete_alias,
    "/models/{name}/delete": model_forms.delete,
    "/models/{name}/versions/{version}/describe": model_forms.describe_version,
    "/models/{name}/versions/{version}/tag": model_forms.set_version_tag,
    "/models/{name}/versions/{version}/untag": model_forms.delete_version_tag,
    "/models/{name}/versions/{version}/stage": model_forms.move,
    "/models/{name}/versions/{version}/delete": model_forms.delete_version,
    "/runs/{run_id}/sweep/wish": sweep_forms.wish,
}
"""What changes something: forms are sent here, and answered with the way to a page."""


_OF_THE_ADDRESS = re.compile(r"/experiments/[^/]+/(columns|mark)")


def changes_nothing(path: str) -> bool:
    """Whether a form sent to `path` changes only what an address shows: whoever may only read may send it."""
    return _OF_THE_ADDRESS.fullmatch(path) is not None


def routes(services: Services) -> list[BaseRoute]:
    """The pages as routes."""
    return [
        *(Route(path, answer(services, form), methods=["POST"]) for path, form in FORMS.items()),
        *(Route(path, answer(services, page)) for path, page in PAGES.items()),
        Route("/static/{digest}/{name}", static_files.serve),
    ]
