"""What a compute child says, read from raw bytes: bounded, typed, and no I/O in here.

    empty --bytes--> partial line --newline--> a `JobLine`, or `LineError` (the child is then ended)

It must never know where the bytes come from, nor what time it is.
"""

import msgspec

from ringrift.wire.job import JobLine

MAX_LINE_BYTES = 65_536

_decoder: msgspec.json.Decoder[JobLine] = msgspec.json.Decoder(JobLine)


class LineError(ValueError):
    """A child said something that is not of the protocol; one sentence."""


class LineReader:
    """Cuts a byte stream into the protocol's lines; after an error it is of no more use."""

    def __init__(self) -> None:
        self._partial = b""

    def feed(self, data: bytes) -> list[JobLine]:
        """Take the next bytes; return the lines they complete. Raises `LineError`."""
        *complete, self._partial = (self._partial + data).split(b"\n")
        if max(map(len, (*complete, self._partial))) > MAX_LINE_BYTES:
            raise LineError(f"the child wrote a line of more than {MAX_LINE_BYTES} bytes")
        return [_decode(line) for line in complete if line.strip()]


def _decode(line: bytes) -> JobLine:
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        shown = line[:80].decode(errors="backslashreplace")
        raise LineError(f"the child wrote {shown!r}, which is no line of a job: {error}") from error
