"""The blob store holds what its names say, or nothing."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringrift.node.data.blobs import BlobError, BlobStore


def put(directory: Path, content: bytes) -> tuple[Path, str]:
    source = directory / "source"
    source.write_bytes(content)
    return source, hashlib.sha256(content).hexdigest()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(content=st.binary(max_size=3_000))
def test_what_is_taken_is_there_under_its_hash(tmp_path: Path, content: bytes) -> None:
    store = BlobStore(tmp_path / "blobs")
    source, sha256 = put(tmp_path, content)
    path = store.take(source, sha256, len(content))
    assert path.read_bytes() == content
    assert path == store.path(sha256) == store.verify(sha256)
    assert source.samefile(path)


def test_taking_twice_is_no_change(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs")
    source, sha256 = put(tmp_path, b"games")
    assert store.take(source, sha256, 5) == store.take(source, sha256, 5)
    source.unlink()
    source, _ = put(tmp_path, b"games")
    assert store.take(source, sha256, 5).read_bytes() == b"games"


@pytest.mark.parametrize(
    ("content", "size", "words"),
    [(b"other", 5, "its bytes changed"), (b"games!", 5, "6 bytes and not 5"), (None, 5, "cannot")],
)
def test_what_is_not_as_said_is_refused_and_left_where_it_is(
    tmp_path: Path, content: bytes | None, size: int, words: str
) -> None:
    store = BlobStore(tmp_path / "blobs")
    source, sha256 = put(tmp_path, b"games")
    if content is None:
        source.unlink()
    else:
        source.write_bytes(content)
    with pytest.raises(BlobError, match=words):
        store.take(source, sha256, size)
    assert not store.has(sha256)
    assert source.exists() == (content is not None)


def test_damage_in_the_store_is_noticed(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs")
    source, sha256 = put(tmp_path, b"games")
    store.take(source, sha256, 5).write_bytes(b"gamez")
    assert store.has(sha256)
    with pytest.raises(BlobError, match="its bytes changed"):
        store.verify(sha256)


def test_a_directory_is_no_blob(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    with pytest.raises(BlobError, match="cannot be read"):
        BlobStore(tmp_path / "blobs").take(tmp_path / "source", "ab" * 32, 0)
