"""`models:/` URIs: every form there and back, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_client.errors import InvalidArgument
from tracking_client.model_uri import ModelUri, is_model_uri

_NAMES = st.text(min_size=1).filter(lambda name: not set(name) & set("/:@"))
_ALIASES = st.from_regex(r"[\w\-]+", fullmatch=True)
_STAGES = st.sampled_from(["None", "Staging", "Production", "Archived", "staging", "1.5", "-1"])
_URIS = st.one_of(
    st.builds(ModelUri, model_id=_NAMES),
    st.builds(ModelUri, name=_NAMES, version=st.integers(0, 10**9).map(str)),
    st.builds(ModelUri, name=_NAMES, alias=_ALIASES),
    st.builds(ModelUri, name=_NAMES, stage=_STAGES),
    st.builds(ModelUri, name=_NAMES, latest=st.just(True)),
)


@given(_URIS)
def test_what_is_written_is_read_again(uri: ModelUri) -> None:
    assert ModelUri.parse(str(uri)) == uri
    assert is_model_uri(str(uri))


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("models:/m-0", ModelUri(model_id="m-0")),
        ("models:/a b/01", ModelUri(name="a b", version="01")),
        ("models:/a@b/1", ModelUri(name="a@b", version="1")),
        ("models:/a@b@c", ModelUri(name="a@b", alias="c")),
        ("models:/a/Latest", ModelUri(name="a", latest=True)),
        ("models:/a/²", ModelUri(name="a", stage="²")),
    ],
)
def test_each_form_means_what_it_means_to_mlflow(text: str, uri: ModelUri) -> None:
    assert ModelUri.parse(text) == uri


@pytest.mark.parametrize(
    "text",
    [
        "models:/",
        "models:/a/",
        "models:/a/b/c",
        "models:/a//1",
        "models:/a@",
        "models:/@b",
        "models:a/1",
        "models://host/a/1",
        "runs:/a/b",
        "",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="Not a proper models:/ URI"):
        ModelUri.parse(text)


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    for candidate in (text, f"models:/{text}"):
        try:
            parsed = ModelUri.parse(candidate)
        except InvalidArgument:
            continue
        assert parsed.model_id or parsed.name
