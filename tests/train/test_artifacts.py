"""Artifacts are whole or absent, and named by what they hold."""

import hashlib
from pathlib import Path
from typing import BinaryIO

import pytest

from ringrift.train.artifacts import (
    ArtifactError,
    check_artifact,
    read_artifact,
    write_artifact,
)


def test_a_file_is_named_by_its_bytes(tmp_path: Path):
    file = write_artifact(tmp_path / "new" / "folder", "kind", lambda out: out.write(b"abc"))
    assert file.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert file.path == tmp_path / "new" / "folder" / f"{file.sha256}.kind"
    check_artifact(file.path, file.sha256)
    assert (file.bytes, read_artifact(file.path, file.sha256)) == (3, b"abc")
    assert list(file.path.parent.iterdir()) == [file.path]


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path):
    earlier = write_artifact(tmp_path, "kind", lambda out: out.write(b"earlier"))

    def full_disk(out: BinaryIO) -> None:
        out.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_artifact(tmp_path, "kind", full_disk)
    assert list(tmp_path.iterdir()) == [earlier.path]


def test_other_bytes_than_the_name_says_are_refused(tmp_path: Path):
    file = write_artifact(tmp_path, "kind", lambda out: out.write(b"abc"))
    file.path.write_bytes(b"abd")
    for look in (read_artifact, check_artifact):
        with pytest.raises(ArtifactError, match=r"is damaged: it does not hash to .*; fetch it"):
            look(file.path, file.sha256)
        with pytest.raises(ArtifactError, match=r"cannot be read \(No such file or directory\)"):
            look(tmp_path / "absent", file.sha256)
