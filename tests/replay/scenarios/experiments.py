"""Experiments: their life, tags, names and limits."""

from __future__ import annotations

from tests.replay.record import Speaker


def conversation(server: Speaker) -> None:
    _making(server)
    _life(server)
    _tags(server)
    _at_last(server)


def _making(server: Speaker) -> None:
    server.post("experiments/create", {"name": "one"})
    server.post("experiments/create", {"name": "one"}, say="a name that is taken")
    server.post(
        "experiments/create", {"name": "with tags", "tags": [{"key": "a", "value": "1"}, {"key": "b"}]}
    )
    server.get("experiments/get", {"experiment_id": "2"})
    server.post("experiments/create", {"name": "bucket", "artifact_location": "s3://bucket/deep/path"})
    server.get("experiments/get", {"experiment_id": "3"})
    server.post("experiments/create", {"name": "local", "artifact_location": "file:///tmp/somewhere"})
    server.post("experiments/create", {}, say="no name")
    server.post("experiments/create", {"name": ""}, say="empty name")
    server.post("experiments/create", {"name": None}, say="null name")
    server.post("experiments/create", {"name": 12}, say="a number for a name")
    server.post("experiments/create", {"name": ["a"]}, say="a list for a name")
    server.post("experiments/create", {"name": "x" * 500}, say="the longest name")
    server.post("experiments/create", {"name": "x" * 501}, say="a name too long")
    server.post("experiments/create", {"name": "slash/colon:ünïcode 🎉"}, say="odd characters")
    server.post("experiments/create", {"name": "  blanks  "})
    server.get("experiments/get-by-name", {"experiment_name": "  blanks  "})
    server.get("experiments/get-by-name", {"experiment_name": "blanks"}, say="blanks count")
    server.post("experiments/create", {"name": "tag", "tags": [{"value": "1"}]}, say="a tag without key")
    server.post(
        "experiments/create", {"name": "tag2", "tags": [{"key": "a" * 251, "value": "1"}]}, say="long tag key"
    )
    server.post(
        "experiments/create",
        {"name": "tag3", "tags": [{"key": "a", "value": "v" * 5001}]},
        say="long tag value",
    )
    server.post("experiments/create", {"name": "tag4", "tags": "a"}, say="tags that are no list")
    server.post(
        "experiments/create", {"name": "tag5", "tags": [{"key": "a!b", "value": "1"}]}, say="odd tag key"
    )
    server.get("experiments/get", {"experiment_id": "0"})
    server.get("experiments/get", {"experiment_id": "999"}, say="not there")
    server.get("experiments/get", {"experiment_id": "abc"}, say="no number")
    server.get("experiments/get", {}, say="no id")
    server.get("experiments/get", {"experiment_id": ""}, say="empty id")
    server.get("experiments/get", {"experiment_id": "99999999999999999999999"}, say="too large")
    server.get("experiments/get-by-name", {"experiment_name": "one"})
    server.get("experiments/get-by-name", {"experiment_name": "ONE"}, say="case matters")
    server.get("experiments/get-by-name", {"experiment_name": "nothing"})
    server.get("experiments/get-by-name", {}, say="no name")
    server.get("experiments/get-by-name", {"experiment_name": "slash/colon:ünïcode 🎉"})


def _life(server: Speaker) -> None:
    a = server.post("experiments/create", {"name": "life"})["experiment_id"]
    run = server.post("runs/create", {"experiment_id": a, "start_time": 5})["run"]["info"]["run_id"]
    gone = server.post("runs/create", {"experiment_id": a, "start_time": 6})["run"]["info"]["run_id"]
    server.post("runs/delete", {"run_id": gone})
    server.post("experiments/update", {"experiment_id": a, "new_name": "new life"})
    server.get("experiments/get", {"experiment_id": a})
    server.post(
        "experiments/update", {"experiment_id": a, "new_name": "one"}, say="renamed to a name that is taken"
    )
    server.post(
        "experiments/update", {"experiment_id": a, "new_name": "new life"}, say="renamed to its own name"
    )
    server.post("experiments/update", {"experiment_id": a}, say="no new name")
    server.post("experiments/update", {"experiment_id": a, "new_name": ""}, say="empty new name")
    server.post("experiments/update", {"experiment_id": a, "new_name": "y" * 501}, say="new name too long")
    server.post("experiments/update", {"new_name": "b"}, say="no id")
    server.post("experiments/update", {"experiment_id": "999", "new_name": "b"}, say="not there")
    server.post("experiments/delete", {"experiment_id": a})
    server.get("experiments/get", {"experiment_id": a})
    server.get("experiments/get-by-name", {"experiment_name": "new life"}, say="a deleted one by name")
    server.get("runs/get", {"run_id": run})
    server.post("runs/create", {"experiment_id": a, "start_time": 5}, say="a run in a deleted experiment")
    server.post("experiments/update", {"experiment_id": a, "new_name": "c"}, say="renamed when deleted")
    server.post(
        "experiments/set-experiment-tag",
        {"experiment_id": a, "key": "k", "value": "v"},
        say="tagged when deleted",
    )
    server.post("experiments/create", {"name": "new life"}, say="the name of a deleted one")
    server.post("experiments/delete", {"experiment_id": a}, say="deleted twice")
    server.post("experiments/restore", {"experiment_id": a})
    server.get("experiments/get", {"experiment_id": a})
    server.get("runs/get", {"run_id": run})
    server.get("runs/get", {"run_id": gone})
    server.post("experiments/restore", {"experiment_id": a}, say="restored twice")
    for call in ("delete", "restore"):
        server.post(f"experiments/{call}", {"experiment_id": "999"}, say="not there")
        server.post(f"experiments/{call}", {}, say="no id")
        server.post(f"experiments/{call}", {"experiment_id": "abc"}, say="no number")


def _tags(server: Speaker) -> None:
    a = server.post("experiments/create", {"name": "tagged"})["experiment_id"]

    def tag(say: str = "", /, **body: object) -> None:
        server.post("experiments/set-experiment-tag", {"experiment_id": a, **body}, say=say)

    tag(key="b", value="1")
    tag(key="a", value="2")
    tag("overwritten", key="b", value="3")
    tag("empty value", key="empty", value="")
    tag("no value", key="none")
    tag("no key", value="x")
    tag("empty key", key="", value="x")
    tag("longest key", key="k" * 250, value="x")
    tag("key too long", key="k" * 251, value="x")
    tag("key with ..", key="../x", value="x")
    tag("key with slash", key="a/b", value="x")
    tag("key starting with slash", key="/a", value="x")
    tag("odd key", key="a$b", value="x")
    tag("a number", key="number", value=3)
    server.get("experiments/get", {"experiment_id": a})
    tag("longest value", key="long", value="v" * 5000)
    server.post("experiments/set-experiment-tag", {"key": "a", "value": "b"}, say="no id")
    server.post(
        "experiments/set-experiment-tag", {"experiment_id": "99", "key": "a", "value": "b"}, say="not there"
    )

    def untag(say: str = "", /, **body: object) -> None:
        server.post("experiments/delete-experiment-tag", {"experiment_id": a, **body}, say=say)

    untag(key="long")
    untag(key="k" * 250)
    untag(key="a")
    untag("twice", key="a")
    untag("no key")
    server.post("experiments/delete-experiment-tag", {"key": "a"}, say="no id")
    server.post("experiments/delete-experiment-tag", {"experiment_id": "99", "key": "a"}, say="not there")
    server.get("experiments/get", {"experiment_id": a})


def _at_last(server: Speaker) -> None:
    server.post(
        "experiments/create",
        {"name": "location", "artifact_location": "s3://b/x?a=b"},
        say="a query in a location",
    )
    server.post(
        "experiments/create",
        {"name": "location", "artifact_location": "s3://b/x#frag"},
        say="a fragment in a location",
    )
    server.post(
        "experiments/create",
        {"name": "location", "artifact_location": "s3://b/../x"},
        say="dots in a location",
    )
    server.post(
        "experiments/create",
        {"name": "tagged twice", "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]},
        say="a tag twice",
    )
