"""What conda's packages are called on the Python package index.

Only names known to be the same project are translated: an unknown name on the index could be anybody's.
"""

from __future__ import annotations

import re

_SAME_NAMES = """
    absl-py accelerate aiohttp alembic altair arrow asttokens attrs bcrypt beautifulsoup4 black bokeh boto3
    botocore bottleneck cachetools catboost certifi cffi chardet charset-normalizer click cloudpickle colorama
    configparser contourpy coverage cryptography cycler cython dask dash databricks-cli datasets decorator
    deepspeed diffusers dill distributed docker docutils einops entrypoints fastai fastapi fastparquet
    filelock flask fonttools fsspec gensim geopandas gitpython googleapis-common-protos gpytorch gradio
    grpcio gunicorn gym gymnasium h5py httpx huggingface_hub huggingface-hub hydra-core hyperopt idna imageio
    imbalanced-learn importlib-metadata ipykernel ipython ipywidgets isort jax jinja2 joblib
    jsonschema jupyter jupyterlab kaggle keras keras-applications keras-preprocessing kiwisolver
    lightgbm lightning lime llvmlite lxml mako markdown markupsafe matplotlib mkdocs mlflow mlflow-skinny
    more-itertools mypy networkx nltk nose notebook numba numexpr numpy oauthlib omegaconf openpyxl optuna
    orjson packaging pandas pandas-profiling papermill paramiko patsy pexpect pillow pip plotly pre-commit
    prettytable prometheus_client prophet protobuf psutil psycopg2 pyarrow pyasn1 pycparser pydantic pydot
    pygments pyjwt pylint pymongo pymysql pyodbc pyopenssl pyparsing pyro-ppl pyspark pytest pytest-cov
    python-dateutil python-dotenv pytorch-lightning pytz pyyaml pyzmq querystring_parser ray regex requests
    requests-oauthlib rich ruff sacred safetensors scikit-image scikit-learn scikit-optimize scipy seaborn
    sentencepiece sentence-transformers setuptools shap simplejson six smart_open sphinx spacy sqlalchemy
    sqlparse statsmodels streamlit sympy tabulate tenacity tensorboard tensorflow tensorflow-datasets
    tensorflow-estimator tensorflow-hub tensorflow-probability termcolor textblob threadpoolctl tokenizers
    toml torchaudio torchmetrics torchtext torchvision tornado tox tqdm traitlets transformers typer
    typing-extensions typing_extensions tzdata ujson umap-learn urllib3 uvicorn virtualenv waitress wandb
    websocket-client werkzeug wheel wrapt xarray xgboost xlrd yapf zarr
    """
_SAME = frozenset(_SAME_NAMES.split())
_RENAMED = {
    "dask-core": "dask",
    "ipython_genutils": "ipython-genutils",
    "keras-gpu": "keras",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python",
    "opencv-python-headless": "opencv-python-headless",
    "py-lightgbm": "lightgbm",
    "py-opencv": "opencv-python",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "py-xgboost-gpu": "xgboost",
    "python-graphviz": "graphviz",
    "python-kaleido": "kaleido",
    "python-xxhash": "xxhash",
    "pytables": "tables",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "ray-core": "ray",
    "ray-default": "ray",
    "ray-tune": "ray[tune]",
    "ruamel.yaml": "ruamel.yaml",
    "ruamel_yaml": "ruamel.yaml",
    "seaborn-base": "seaborn",
    "tensorflow-base": "tensorflow",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-mkl": "tensorflow",
    "torch": "torch",
}
_SPEC = re.compile(
    r"^(?:(?P<channel>[^\s:]+)::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)\s*(?P<version>[^\[]*)(?P<more>\[.*\])?$"
)
_PIP_CLAUSES = re.compile(
    r"^(===|==|~=|!=|<=|>=|<|>)\s*[0-9][\w.*+!-]*(\s*,\s*(==|~=|!=|<=|>=|<|>)\s*[0-9][\w.*+!-]*)*$"
)
_PLAIN_VERSION = re.compile(r"^[0-9][\w.+!]*$")


def split_spec(spec: str) -> tuple[str, str]:
    """A conda match specification as (name, version clause); raises ValueError for what is none."""
    match = _SPEC.match(spec.strip())
    if match is None:
        raise ValueError(f"{spec!r} is not a conda package specification")
    version = match["version"].strip()
    if match["more"]:
        inner = re.search(r"version\s*=\s*['\"]?([^'\"\],]+(?:,[<>=!~][^'\"\],]+)*)", match["more"])
        version = version or (inner[1].strip() if inner else "")
    return match["name"].lower(), version


def pip_requirement(name: str, version: str) -> tuple[str | None, str | None]:
    """The pip requirement for a conda package, and a note on what was lost; (None, note) for neither."""
    if name in _RENAMED:
        pip_name = _RENAMED[name]
    elif name in _SAME:
        pip_name = name
    else:
        return None, f"conda package {name!r} has no known counterpart for pip and is left out"
    clause = pip_clause(version)
    if clause is None:
        return (
            pip_name,
            f"the version {version!r} of conda package {name!r} cannot be said to pip: any is taken",
        )
    return f"{pip_name}{clause}", None


def pip_clause(version: str) -> str | None:
    """`=1.2` as `==1.2.*`, `=1.2.3=build` as `==1.2.3`, comparisons as they are; None for what pip lacks."""
    version = version.strip()
    if version in ("", "*", "=*"):
        return ""
    if _PIP_CLAUSES.match(version):
        return version.replace(" ", "")
    bare = version.lstrip("=").strip()
    number, has_build, _ = bare.partition("=")
    number = number.strip()
    if not has_build and " " in number:
        number, _, has_build = number.partition(" ")
    if number.endswith(".*"):
        return f"=={number}"
    if not _PLAIN_VERSION.match(number):
        return None
    return f"=={number}" if has_build or number.count(".") > 1 else f"=={number}.*"
