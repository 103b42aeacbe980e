"""Tailscale's status: read with care, asked with a time limit, and fine when there is none."""

import json
import sys
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from ringrift.node.net.discovery import tailscale
from ringrift.node.net.discovery.hints import Hint
from ringrift.node.net.discovery.tailscale import MAX_MACHINES, TailscaleError, ask, read_status
from ringrift.node.runtime.clock import SystemClock

SELF = {"HostName": "here", "TailscaleIPs": ["100.64.0.1"], "Online": True, "KeyExpiry": "2027"}


def machine(*addresses: str, online: bool = True) -> dict[str, object]:
    return {"HostName": "h", "OS": "linux", "Online": online, "TailscaleIPs": list(addresses)}


def status(peers: object, state: str = "Running") -> bytes:
    return json.dumps(
        {"Version": "1.80", "BackendState": state, "Self": SELF, "Peer": peers}
    ).encode()


def test_machines_that_are_on_are_hints_of_whoever_may_be_there() -> None:
    net = read_status(
        status(
            {
                "nodekey:1": machine("100.64.0.2", "fd7a:115c:a1e0::2", "100.64.0.22"),
                "nodekey:2": machine("100.64.0.3", online=False),
                "nodekey:3": machine("nonsense", "100.64.0.1"),
                "nodekey:4": {"Online": True, "TailscaleIPs": None},
            }
        ),
        99,
    )
    assert net.hints == (
        Hint("100.64.0.2", 99, None, "tailscale"),
        Hint("fd7a:115c:a1e0::2", 99, None, "tailscale"),
    )
    assert (net.machines, net.online) == (4, 3)
    assert net.reason == "3 of 4 other machines in the tailnet are on"


@pytest.mark.parametrize("peers", [None, {}])
def test_a_tailnet_of_one_is_fine(peers: object) -> None:
    assert read_status(status(peers), 1).hints == ()


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("NeedsLogin", "logged out"),
        ("Stopped", "switched off"),
        ("Dreaming" * 99, "in the unknown state"),
        ("", "in the unknown state"),
    ],
)
def test_a_tailnet_that_is_not_running_says_how_it_is(state: str, reason: str) -> None:
    net = read_status(status({"k": machine("100.64.0.2")}, state), 1)
    assert net.reason.startswith(reason)
    assert len(net.reason) < 100
    assert net.hints == ()


def test_a_crowd_is_bounded() -> None:
    crowd = {f"k{i}": machine(f"100.65.{i // 256}.{i % 256}") for i in range(10_000)}
    net = read_status(status(crowd), 1)
    assert len(net.hints) == MAX_MACHINES
    assert net.online == 10_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        status([1]),
        status({"k": 3}),
        status({"k": {"Online": "yes"}}),
        status({"k": {"TailscaleIPs": 5}}),
        b" " * (tailscale.MAX_BYTES + 1),
    ],
)
def test_what_is_no_status_is_one_sentence(data: bytes) -> None:
    with pytest.raises(TailscaleError) as caught:
        read_status(data, 1)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@given(st.binary(max_size=200))
def test_any_bytes_are_a_status_or_one_sentence(data: bytes) -> None:
    with pytest.raises(TailscaleError):
        read_status(b"{" + data, 1)


@pytest.fixture
def script(tmp_path: Path) -> "Script":
    return Script(tmp_path)


class Script:
    """A program called tailscale that does as it is told."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "tailscale"

    def __call__(self, body: str) -> tuple[str]:
        self.path.write_text(f"#!{sys.executable} -IS\nimport sys\n{body}\n")
        self.path.chmod(0o755)
        return (str(self.path),)


async def test_the_first_program_that_there_is_gets_asked_for_json(script: Script) -> None:
    answer = status({"k": machine("100.64.0.2")}).decode()
    programs = script(f"assert sys.argv[1:] == ['status', '--json']\nprint({answer!r})")
    net = await ask(7, SystemClock(), ("/nowhere/tailscale", *programs))
    assert net.hints == (Hint("100.64.0.2", 7, None, "tailscale"),)


async def test_no_program_is_fine() -> None:
    assert (await ask(7, SystemClock(), ("/nowhere/tailscale",))).reason == "not installed"


async def test_a_service_that_is_off_is_fine(script: Script) -> None:
    programs = script("sys.exit('failed to connect to local tailscaled')")
    assert (await ask(7, SystemClock(), programs)).reason == "its service is not running"


async def test_a_program_that_never_answers_is_ended(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailscale, "ANSWER_S", 0.5)
    pid = script.path.with_name("pid")
    programs = script(
        f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    )
    with trio.fail_after(30), pytest.raises(TailscaleError, match="did not answer within"):
        await ask(7, SystemClock(), programs)
    if pid.exists():
        assert not Path(f"/proc/{pid.read_text()}").exists()


async def test_a_program_that_never_stops_talking_is_ended(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailscale, "MAX_BYTES", 1 << 20)
    programs = script("while True: sys.stdout.write('x' * 65536)")
    with trio.fail_after(30), pytest.raises(TailscaleError, match="more than 1 MiB"):
        await ask(7, SystemClock(), programs)


async def test_what_cannot_be_run_is_one_sentence(tmp_path: Path) -> None:
    program = tmp_path / "tailscale"
    program.write_bytes(b"\x7fELF broken")
    program.chmod(0o755)
    with pytest.raises(TailscaleError, match="cannot be run"):
        await ask(7, SystemClock(), (str(program),))
