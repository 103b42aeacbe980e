"""Files that tell what they are and whether they are whole: shards and games that go on later.

A file is a magic of eight bytes, the format version (u16), the sha256 of version and body, and the
body: a zstandard frame around msgpack, all little-endian.
"""

import hashlib
import struct
from collections.abc import Collection
from typing import Final, Literal

import zstandard

Kind = Literal["shard", "carry"]

_MAGICS: Final[dict[Kind, bytes]] = {"shard": b"RRSHARD\n", "carry": b"RRCARRY\n"}
_PREFIX = struct.Struct("<8sH32s")
_LEVEL = 10
_LARGEST_BODY = 1 << 30


class SealError(ValueError):
    """Content that is not what it should be; words that follow the name of the file."""


def seal(kind: Kind, version: int, packed: bytes) -> bytes:
    """The content of a file of `kind` that holds the msgpack value `packed`."""
    body = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(packed)
    return _PREFIX.pack(_MAGICS[kind], version, _digest(version, body)) + body


def unseal(kind: Kind, content: bytes, readable: Collection[int]) -> tuple[int, bytes]:
    """(format version, msgpack value) of a file's content; at most 1 GiB is unpacked.

    Raises SealError on any damage, and when the version is not among the `readable` ones.
    """
    if len(content) < _PREFIX.size or not content.startswith(_MAGICS[kind]):
        raise SealError(f"is not a ringrift {kind}, or only its beginning.")
    _, version, digest = _PREFIX.unpack_from(content)
    body = content[_PREFIX.size :]
    if _digest(version, body) != digest:
        raise SealError("is damaged: its checksum does not hold.")
    if version not in readable:
        raise SealError(
            f"has format version {version}; this ringrift reads up to {max(readable)}: upgrade it."
        )
    try:
        if zstandard.get_frame_parameters(body).content_size > _LARGEST_BODY:
            raise SealError(f"unpacks to more than {_LARGEST_BODY} bytes.")
        return version, zstandard.ZstdDecompressor().decompress(body, max_output_size=_LARGEST_BODY)
    except zstandard.ZstdError as error:
        raise SealError(f"cannot be used: {error}.") from error


def _digest(version: int, body: bytes) -> bytes:
    return hashlib.sha256(version.to_bytes(2, "little") + body).digest()
