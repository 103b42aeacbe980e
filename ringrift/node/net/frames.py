"""The peers' protocol as bytes, without I/O: messages in frames, and frames out of a stream.

    frame = length of what follows (4 bytes, big-endian), incarnation (16 bytes), msgpack of a
            `wire.peer.PeerMessage`

A frame of another incarnation of the cluster, one that is too long, or one that cannot be read ends
the stream: what follows it could not be trusted either.
"""

import struct

import msgspec

from ringrift.wire.peer import PeerMessage

MAX_FRAME_BYTES = 1024 * 1024
INCARNATION_BYTES = 16
_LENGTH = struct.Struct(">I")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder[PeerMessage](PeerMessage).decode


class FrameError(ValueError):
    """Bytes that are no frame of this cluster's protocol; one sentence that says why."""


def pack(incarnation: bytes, message: PeerMessage) -> bytes:
    """The frame of a message."""
    body = _encode(message)
    length = INCARNATION_BYTES + len(body)
    assert length <= MAX_FRAME_BYTES, f"{type(message).__name__} has {len(body)} bytes"
    return _LENGTH.pack(length) + incarnation + body


class FrameReader:
    """Takes bytes as they come and gives the messages in them, in order."""

    def __init__(self, incarnation: bytes) -> None:
        assert len(incarnation) == INCARNATION_BYTES
        self._incarnation = incarnation
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[PeerMessage]:
        """The messages that are whole now; raises FrameError at the first that is none."""
        self._buffer += data
        messages: list[PeerMessage] = []
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, start)
            if not INCARNATION_BYTES < length <= MAX_FRAME_BYTES:
                raise FrameError(f"A frame of {length} bytes; {MAX_FRAME_BYTES} is the most.")
            end = start + _LENGTH.size + length
            if end > len(self._buffer):
                break
            messages.append(self._message(bytes(self._buffer[start + _LENGTH.size : end])))
            start = end
        del self._buffer[:start]
        return messages

    def _message(self, frame: bytes) -> PeerMessage:
        if frame[:INCARNATION_BYTES] != self._incarnation:
            other = frame[:INCARNATION_BYTES].hex()
            raise FrameError(f"A frame of cluster {other}, not of {self._incarnation.hex()}.")
        try:
            return _decode(memoryview(frame)[INCARNATION_BYTES:])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            # The reason quotes the sender's bytes, which may be anything.
            reason = str(error).encode("unicode_escape").decode()[:300]
            raise FrameError(f"A frame cannot be read: {reason}.") from error
