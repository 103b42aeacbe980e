"""One id, one boot a life, one life at a time; and a directory that a socket fits in."""

import itertools
from pathlib import Path

import pytest

from ringrift.node.runtime.identity import locked, next_life
from ringrift.node.runtime.paths import NodePaths, PathError, data_directory


def digits(count: int) -> str:
    return "".join(itertools.islice(itertools.cycle("0123456789abcdef"), count))


def test_lives_are_counted_and_the_rest_stays(tmp_path: Path) -> None:
    paths = NodePaths(tmp_path)
    first, second = next_life(paths, "box", digits), next_life(paths, "renamed", digits)
    assert (first.node_id, first.boot, second.boot) == ("box-012345", 1, 2)
    assert (second.node_id, second.incarnation) == (first.node_id, first.incarnation)


def test_a_damaged_identity_is_not_replaced_by_a_new_one(tmp_path: Path) -> None:
    paths = NodePaths(tmp_path)
    paths.identity.write_text('{"node_id": "box-1"}')
    with pytest.raises(PathError, match="is damaged"):
        next_life(paths, "box", digits)
    assert paths.identity.read_text() == '{"node_id": "box-1"}'


def test_a_directory_has_one_life_at_a_time(tmp_path: Path) -> None:
    paths = NodePaths(tmp_path / "data")
    with locked(paths), pytest.raises(PathError, match="a node lives in"), locked(paths):
        pass
    with locked(paths):
        pass


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PathError, match="--data"), locked(NodePaths(tmp_path / "file" / "data")):
        pass


def test_the_default_directory_is_named_by_the_profile() -> None:
    assert data_directory("laptop", None).parts[-2:] == ("ringrift", "laptop")
    assert data_directory("my/own.toml", None).name == "own"


def test_a_socket_must_fit(tmp_path: Path) -> None:
    assert data_directory("laptop", Path("/d")) == Path("/d")
    with pytest.raises(PathError, match="too long for a Unix socket"):
        data_directory("laptop", Path("/" + "x" * 100))
