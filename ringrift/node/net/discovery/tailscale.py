"""Tailscale: which machines of the same tailnet are on; whether nodes are there is to be asked."""

import ipaddress
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import trio

from ringrift.node.net.discovery.hints import Hint
from ringrift.node.runtime.clock import Clock

PROGRAMS = ("tailscale", "/Applications/Tailscale.app/Contents/MacOS/Tailscale")
MAX_BYTES = 4 << 20
MAX_MACHINES = 256
MAX_ADDRESSES = 2
"""Of one machine; it has one of each kind."""
ANSWER_S = 10.0

_STATES = {
    "NeedsLogin": "logged out",
    "NeedsMachineAuth": "waiting for an administrator to admit this machine",
    "Stopped": "switched off",
    "Starting": "starting",
    "NoState": "starting",
}


class TailscaleError(Exception):
    """Why the program's answer is of no use; one sentence."""


class _Machine(msgspec.Struct):
    online: bool = msgspec.field(default=False, name="Online")
    ips: list[str] | None = msgspec.field(default=None, name="TailscaleIPs")


class _Status(msgspec.Struct):
    state: str = msgspec.field(default="", name="BackendState")
    me: _Machine | None = msgspec.field(default=None, name="Self")
    peers: dict[str, _Machine] | None = msgspec.field(default=None, name="Peer")


@dataclass(frozen=True, slots=True)
class Tailnet:
    """What is known of the tailnet: in a few words how it is, and where nodes may be.

    `machines` are the others that belong to it, `online` those of them that are on.
    """

    reason: str
    hints: tuple[Hint, ...] = ()
    machines: int = 0
    online: int = 0


def read_status(data: bytes, port: int) -> Tailnet:
    """Read what ``tailscale status --json`` printed; `port` is where nodes accept streams.

    Raises `TailscaleError`.
    """
    if len(data) > MAX_BYTES:
        raise TailscaleError(f"tailscale printed more than {MAX_BYTES >> 20} MiB as its status")
    try:
        status = msgspec.json.decode(data, type=_Status)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TailscaleError(f"tailscale printed no status that is understood: {error}") from error
    if status.state != "Running":
        return Tailnet(_STATES.get(status.state, f"in the unknown state {status.state[:40]!r}"))
    mine = set(_addresses(status.me))
    machines = (status.peers or {}).values()
    online = [machine for machine in machines if machine.online]
    hints = tuple(
        Hint(address, port, None, "tailscale")
        for machine in online[:MAX_MACHINES]
        for address in _addresses(machine)
        if address not in mine
    )
    reason = f"{len(online)} of {len(machines)} other machines in the tailnet are on"
    return Tailnet(reason, hints, len(machines), len(online))


async def ask(port: int, clock: Clock, programs: Sequence[str] = PROGRAMS) -> Tailnet:
    """Ask the first of these programs that there is. Raises `TailscaleError`."""
    program = next(filter(None, map(shutil.which, programs)), None)
    if program is None:
        return Tailnet("not installed")
    with clock.at_most(ANSWER_S):
        try:
            code, data = await _output((program, "status", "--json"))
        except* OSError as errors:
            reason = errors.exceptions[0]
            raise TailscaleError(f"{program} cannot be run: {reason}") from reason
        # Without its service the program fails, and says so on the other stream.
        if code != 0 and not data:
            return Tailnet("its service is not running")
        return read_status(data, port)
    raise TailscaleError(f"{program} did not answer within {ANSWER_S:.0f} s")


async def _output(command: Sequence[str]) -> tuple[int | None, bytes]:
    """Run a program; return its exit code and output, of which no more is read than is of use."""
    data = bytearray()
    async with trio.open_nursery() as nursery:
        run = partial(
            trio.run_process, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
        )
        process: trio.Process = await nursery.start(run, command)
        assert process.stdout is not None
        async for chunk in process.stdout:
            data += chunk
            if len(data) > MAX_BYTES:
                nursery.cancel_scope.cancel()
    return process.returncode, bytes(data)


def _addresses(machine: _Machine | None) -> list[str]:
    found: list[str] = []
    for text in ((machine and machine.ips) or [])[:MAX_ADDRESSES]:
        try:
            found.append(str(ipaddress.ip_address(text)))
        except ValueError:
            continue
    return found
