"""`python -m ringrift.train.job`: the child process that computes for a node.

One `JobSpec` as a JSON line on stdin; `JobLine`s as JSON lines on stdout; logs on stderr. SIGTERM,
or the end of stdin (the parent is gone), make it hand in what it has. Exit status: 0 after
`Finished`, 1 after `Failed`, 2 when the spec itself is bad.

Nothing that computes is imported before the spec is read, because numpy, torch and numba take their
number of threads from the environment when they are imported.
"""

import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType

import msgspec

from ringrift.wire.job import Failed, Finished, Heartbeat, JobLine, JobSpec, TrainingJob

NICENESS = 10
HEARTBEAT_S = 2.0

# A fit's spec names every shard of its window, each in about 200 bytes.
_MOST_SPEC_BYTES = 64 << 20
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
# Names and numbers of <malloc.h>; the first may not be larger than this.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_ON_HEAP = 32 << 20
_KEPT_BYTES = 512 << 20


class SpecError(ValueError):
    """The job spec is bad; one sentence that names the field."""


class Lines:
    """Job lines on a file descriptor, whole whichever thread sends them.

    When nobody reads any more `unheard` is called, and further lines go nowhere: a child whose
    parent has died still writes its games to the disk.
    """

    def __init__(self, fd: int, clock: Callable[[], float], unheard: Callable[[], None]) -> None:
        self._fd = fd
        self._clock = clock
        self._unheard = unheard
        self._lock = threading.Lock()
        self._last = clock()

    def send(self, line: JobLine) -> None:
        """Write one line and note the time."""
        data = memoryview(msgspec.json.encode(line) + b"\n")
        with self._lock:
            self._last = self._clock()
            try:
                while data:
                    data = data[os.write(self._fd, data) :]
            except BrokenPipeError:
                self._unheard()

    def silent_for(self) -> float:
        """Seconds since the last line."""
        return self._clock() - self._last


def read_spec(fd: int) -> JobSpec:
    """The first line of `fd`, decoded; raises SpecError when it is no job spec."""
    line, ended = bytearray(), False
    while not ended:
        chunk = os.read(fd, 65536)
        part, newline, _ = chunk.partition(b"\n")
        line += part
        ended = bool(newline) or not chunk
        if len(line) > _MOST_SPEC_BYTES:
            raise SpecError(f"job spec: it is longer than {_MOST_SPEC_BYTES} bytes.")
    if not line.strip():
        raise SpecError("job spec: nothing came; write one JSON line to stdin.")
    try:
        return msgspec.json.decode(line, type=JobSpec)
    except UnicodeDecodeError:
        raise SpecError("job spec: it holds bytes that are no UTF-8; write it as JSON.") from None
    except RecursionError:
        raise SpecError("job spec: it is nested too deeply; no field needs that.") from None
    except msgspec.DecodeError as error:
        raise SpecError(_sentence(error)) from None


def _sentence(error: msgspec.DecodeError) -> str:
    text, _, path = str(error).partition(" - at `$")
    field = path.rstrip("`").lstrip(".")
    if not text.startswith("JSON"):
        text = text[:1].lower() + text[1:]
    return f"job spec: {field + ': ' if field else ''}{text.rstrip('.')}."


def _watch_parent(fd: int, stop: threading.Event) -> None:
    # Whatever the parent still says is ignored; only the end of its pipe means something.
    while os.read(fd, 65536):
        pass
    stop.set()


def _beat(lines: Lines) -> None:
    while True:
        time.sleep(HEARTBEAT_S / 2)
        if lines.silent_for() >= HEARTBEAT_S / 2:
            lines.send(Heartbeat())


def _claim_stdout() -> int:
    # A library that prints must not break the line protocol: its output goes to stderr.
    sys.stdout.flush()
    fd = os.dup(1)
    os.dup2(2, 1)
    return fd


def give_way(threads: int) -> None:
    """Lower this process's priority and hold the libraries it has yet to import to `threads`."""
    os.nice(max(0, NICENESS - os.nice(0)))
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(threads)


def keep_memory() -> None:
    """Have glibc keep what is freed for the next step; other libraries do as they like.

    By default a tensor of some megabytes goes back to the system and comes anew, page by page: a
    tenth or more of the time of a training step (docs/networks.md).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_ON_HEAP)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def main() -> int:
    """Run the one job on stdin; returns the exit status."""
    stop = threading.Event()
    lines = Lines(_claim_stdout(), time.monotonic, unheard=stop.set)

    def on_sigterm(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_sigterm)
    try:
        spec = read_spec(0)
    except SpecError as error:
        lines.send(Failed(reason=str(error)))
        return 2
    give_way(spec.threads)
    if isinstance(spec, TrainingJob):
        keep_memory()
    threading.Thread(target=_watch_parent, args=(0, stop), daemon=True).start()
    threading.Thread(target=_beat, args=(lines,), daemon=True).start()
    try:
        lines.send(_run(spec, lines, stop))
    except Exception as error:  # noqa: BLE001  # the one place that turns a failure into a line
        traceback.print_exc()
        lines.send(Failed(reason=_reason(spec, error)))
        return 1
    return 0


def _run(spec: JobSpec, lines: Lines, stop: threading.Event) -> Finished:
    # Imported here, after the thread limits stand in the environment.
    from ringrift.train.dispatch import run_job
    from ringrift.train.warm import compile_kernels
    from ringrift.train.world import World

    world = World(time.monotonic, lines.send, stop.is_set)
    compile_kernels(world, time.sleep)
    return run_job(spec, world)


def _reason(spec: JobSpec, error: Exception) -> str:
    said = " ".join(str(error).split()) or "it gave no reason"
    kind = type(spec).__name__.removesuffix("Job").lower()
    if not isinstance(error, ValueError):  # ours are sentences, others need their type to be read
        said = f"{type(error).__name__}: {said}"
    return f"{kind} of {spec.config} failed: {said}"


if __name__ == "__main__":
    status = main()
    # All is written and said; taking torch and its memory down in order takes most of a second.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
