"""One side of the matrix of models, in a process of its own: logs all models with one library, or loads them.

`python -m tests.tracking_client.models.matrix_side <library> <cases> <server> <directory>` reads
{"log": true | false, "load": {case: [URI, …]}} from its standard input, and prints
{"logged": {case: URI}, "loaded": {case: [what was found, …]}} as JSON. The library is `mlflow`, or
`tracking_client` in its place: not one line here knows which.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

from tests.tracking_client.models.matrix_case import Case
from tests.tracking_client.models.plain import plain


def logged(library: Any, cases: list[Case], directory: Path) -> dict[str, Any]:
    """The URI of a model of each case, or why it could not be logged."""
    found = {}
    with library.start_run():
        for case in cases:
            flavour = importlib.import_module(f"{library.__name__}.{case.flavour}")
            place = directory / f"{library.__name__} {case.name}"
            place.mkdir(parents=True)
            try:
                options = {"pip_requirements": ["numpy"], **case.options(library)}
                info = flavour.log_model(**case.model(library, place), name="model", **options)
                found[case.name] = info.model_uri
            except Exception:  # noqa: BLE001  # told to the test
                found[case.name] = {"error": traceback.format_exc()}
    return found


def loaded(library: Any, case: Case, uri: str) -> dict[str, Any]:
    """What a library makes of a model: its predictions, its signature and its example."""
    model = library.pyfunc.load_model(uri)
    metadata = model.metadata
    data = case.data()
    params = () if case.params is None else (case.params,)
    found = {
        "predicted": plain(model.predict(data, *params)),
        "signature": metadata.signature and metadata.signature.to_dict(),
        "from hints": metadata.to_dict().get("is_signature_from_type_hint", False),
        "example": None if metadata.saved_input_example_info is None else plain(model.input_example),
        "flavors": sorted(metadata.flavors),
        "model id": model.model_id,
    }
    if case.native is not None:
        flavour = importlib.import_module(f"{library.__name__}.{case.flavour}")
        found["native"] = plain(case.native(flavour.load_model(uri), data))
    return found


def _loaded_or_why_not(library: Any, case: Case, uri: Any) -> dict[str, Any]:
    if not isinstance(uri, str):
        return {"error": uri["error"]}
    try:
        return loaded(library, case, uri)
    except Exception:  # noqa: BLE001  # told to the test
        return {"error": traceback.format_exc()}


def main(name: str, table: str, url: str, directory: str) -> None:
    """Answers one request."""
    asked = json.loads(sys.stdin.read())
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    cases: list[Case] = importlib.import_module(table).CASES
    by_name = {case.name: case for case in cases}
    library = importlib.import_module(name)
    importlib.import_module(f"{name}.pyfunc")
    library.set_tracking_uri(url)
    made = logged(library, cases, Path(directory)) if asked["log"] else {}
    uris = {case: [*asked["load"].get(case, ()), *([made[case]] if case in made else ())] for case in by_name}
    found = {case: [_loaded_or_why_not(library, by_name[case], uri) for uri in uris[case]] for case in uris}
    others = sorted({"mlflow", "tracking_client"} - {name})
    imported = [other for other in others if other in sys.modules]
    print(json.dumps({"logged": made, "loaded": found, "imported": imported}))


if __name__ == "__main__":
    main(*sys.argv[1:])
