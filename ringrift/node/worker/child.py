"""One compute child: a process group of its own that is started, heard, and ended in any case.

    started --Finished, exit 0--> finished      --Failed line--------------> failed
            --stop()--> SIGTERM --grace--> SIGKILL, then judged the same way
            --silence, run too long, nonsense on stdout--> the same, and failed for that reason

Whatever happens, the process is gone when `run_child` returns, and the reason names what its stderr
said last. The child's stdin stays open as long as we live: its end tells it that we do not.
"""

import signal
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from os import killpg
from pathlib import Path

import msgspec
import trio

from ringrift.node.runtime.clock import Clock
from ringrift.node.worker.lines import LineError, LineReader
from ringrift.wire.job import Failed, Finished, JobLine, JobSpec

STDERR_TAIL_BYTES = 4_096
DRAIN_S = 2.0
"""How long to go on reading after the child's end; only a grandchild could keep the pipe open."""


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """When a child has been silent, or running, for too long, and how long it may take to stop."""

    silence_s: float
    run_s: float
    grace_s: float


class Child:
    """A child to be run once: `run` it, and `stop` it from elsewhere to have it hand in early."""

    def __init__(
        self,
        command: Sequence[str],
        spec: JobSpec,
        directory: Path,
        limits: ChildLimits,
        clock: Clock,
    ) -> None:
        self._command, self._spec, self._directory = command, spec, directory
        self._limits, self._clock = limits, clock
        self._stop = trio.Event()
        self._fault: str | None = None
        self._process: trio.Process | None = None
        self.last_word: Finished | Failed | None = None
        """What it said itself; None as long as it has not, and for ever when it died."""
        self._heeding = False
        self._stderr = b""
        self.on_gone: Callable[[], object] = lambda: None
        """Called when the process has ended; what it said last may still wait to be heard."""

    def stop(self) -> None:
        """Ask the child to hand in what it has and end; it is killed if it takes too long."""
        self._stop.set()

    def give_up(self, reason: str) -> None:
        """End the child as one that failed for this reason, whatever it says."""
        self._fault = self._fault or reason
        self._stop.set()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the child and all below it, if it runs."""
        if self._process is not None:
            _signal_group(self._process, number)

    async def run(
        self,
        on_start: Callable[[int], Awaitable[None]],
        on_line: Callable[[JobLine], Awaitable[None]],
    ) -> Finished | Failed:
        """Run the child to its end; `on_start` gets its pid, `on_line` each line it says.

        Returns its last word, or `Failed` with the reason why there is none. If `on_line` raises,
        or this is cancelled, the child is killed on the way out.
        """
        process = await trio.lowlevel.open_process(
            list(self._command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._directory,
            process_group=0,
        )
        self._process = process
        try:
            await on_start(process.pid)
            await self._converse(process, on_line)
        finally:
            with trio.CancelScope(shield=True):
                if process.returncode is None:
                    _signal_group(process, signal.SIGKILL)
                await process.wait()
                await _close(process)
        return self._judge(process.returncode)

    async def _converse(
        self, process: trio.Process, on_line: Callable[[JobLine], Awaitable[None]]
    ) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_stderr, process)
            nursery.start_soon(self._end_when_asked, process)
            nursery.start_soon(self._limit_run)
            nursery.start_soon(self._give_spec, process)
            async with trio.open_nursery() as hearing:
                heard_all = trio.Event()
                hearing.start_soon(self._hear, process, on_line, heard_all)
                await process.wait()
                self.on_gone()
                # What it said is all heard out, however long each line takes; what a grandchild
                # that holds the pipe may still say is not.
                while not heard_all.is_set():
                    with trio.move_on_after(DRAIN_S):
                        await heard_all.wait()
                    if not self._heeding:
                        break
                hearing.cancel_scope.cancel()
            nursery.cancel_scope.cancel()

    async def _give_spec(self, process: trio.Process) -> None:
        assert process.stdin is not None
        # A child that died at once is judged by its exit, not by our failing to write to it.
        with suppress(trio.BrokenResourceError):
            await process.stdin.send_all(msgspec.json.encode(self._spec) + b"\n")

    async def _hear(
        self,
        process: trio.Process,
        on_line: Callable[[JobLine], Awaitable[None]],
        heard_all: trio.Event,
    ) -> None:
        reader = LineReader()
        heard_at = self._clock.now()
        while True:
            patience_s = self._limits.silence_s - (self._clock.now() - heard_at)
            data = await self._receive(process, max(0.0, patience_s))
            if data is None:
                if self._clock.now() - heard_at < self._limits.silence_s:
                    continue  # by a clock that stands still while we were stopped
                self.give_up(f"the child said nothing for {self._limits.silence_s:g} s")
                break
            if not data:
                break
            try:
                lines = reader.feed(data)
            except LineError as error:
                self.give_up(str(error))
                break
            for line in lines:
                if isinstance(line, Finished | Failed):
                    self.last_word = line
                self._heeding = True
                await on_line(line)
                self._heeding = False
                heard_at = self._clock.now()
        heard_all.set()

    async def _receive(self, process: trio.Process, patience_s: float) -> bytes | None:
        """Return the next bytes, empty at their end, None when there were none in time."""
        assert process.stdout is not None
        if self._stop.is_set():
            patience_s = float("inf")  # the grace of stopping counts now
        with trio.move_on_after(patience_s):
            return bytes(await process.stdout.receive_some(65_536))
        return None

    async def _limit_run(self) -> None:
        run_s = self._limits.run_s
        with trio.move_on_after(run_s):
            await trio.sleep_forever()
        self.give_up(f"the child ran for more than {run_s:g} s")

    async def _keep_stderr(self, process: trio.Process) -> None:
        assert process.stderr is not None
        while data := bytes(await process.stderr.receive_some(65_536)):
            self._stderr = (self._stderr + data)[-STDERR_TAIL_BYTES:]

    async def _end_when_asked(self, process: trio.Process) -> None:
        await self._stop.wait()
        _signal_group(process, signal.SIGTERM)
        with trio.move_on_after(self._limits.grace_s):
            await trio.sleep_forever()
        self._fault = (
            self._fault or f"the child did not end {self._limits.grace_s:g} s after SIGTERM"
        )
        _signal_group(process, signal.SIGKILL)

    def _judge(self, returncode: int | None) -> Finished | Failed:
        said = self.last_word
        if isinstance(said, Finished) and returncode == 0 and self._fault is None:
            return said
        if isinstance(said, Failed):
            return said
        if self._stop.is_set() and self._fault is None and returncode == -signal.SIGTERM:
            # Asked to end while it was still starting: there is nothing that it could hand in.
            return Finished(result=None, partial=True)
        reason = self._fault or f"the child ended without a result ({_exit_text(returncode)})"
        log = self._stderr.decode(errors="replace").strip().splitlines()
        return Failed(f"{reason}; it last said: {log[-1][-300:]}" if log else reason)


def _signal_group(process: trio.Process, number: signal.Signals) -> None:
    # The leader is not reaped yet, so its id cannot be another's; an empty group is no error.
    if process.returncode is None:
        with suppress(ProcessLookupError):
            killpg(process.pid, number)


async def _close(process: trio.Process) -> None:
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            await stream.aclose()


def _exit_text(returncode: int | None) -> str:
    if returncode is not None and returncode < 0:
        return f"killed by {signal.Signals(-returncode).name}"
    return f"exit code {returncode}"
