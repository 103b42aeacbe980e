"""One GET over loopback, by which the sentinel asks its node; no connection is kept."""

import trio

MAX_ANSWER_BYTES = 16 << 20


class ProbeError(Exception):
    """The node did not answer as a node does; one sentence."""


async def get(port: int, path: str, timeout_s: float) -> bytes:
    """Return the body of a 200 answer of 127.0.0.1:`port`. Raises `ProbeError`."""
    try:
        with trio.fail_after(timeout_s):
            answer = await _exchange(port, path)
    except trio.TooSlowError as error:
        raise ProbeError(f"no answer within {timeout_s:g} s") from error
    except (OSError, trio.BrokenResourceError) as error:
        raise ProbeError(f"no connection: {error}") from error
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise ProbeError(f"answered {head[:60].decode('latin-1').splitlines()[:1]}")
    return body


async def _exchange(port: int, path: str) -> bytes:
    # HTTP/1.0: the answer ends with the connection and is never chunked.
    request = f"GET {path} HTTP/1.0\r\nHost: localhost:{port}\r\n\r\n".encode()
    answer = bytearray()
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(request)
        async for chunk in stream:
            answer += chunk
            if len(answer) > MAX_ANSWER_BYTES:
                raise ProbeError("the answer is too long")
    return bytes(answer)
