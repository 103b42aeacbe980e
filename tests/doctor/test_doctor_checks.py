"""Every check says ok where all is well, and is seen to break where something is not."""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cockpit
import msgspec
import psutil
import pytest

from ringrift.client import NotRunningError, RefusedError
from ringrift.doctor import child
from ringrift.doctor.check import Check, Finding, Site
from ringrift.doctor.data import Directory, LogReadable, SocketPath
from ringrift.doctor.engine import GOLDEN, SCRIPT, GoldenGames
from ringrift.doctor.examine import checks_of, examine, report, sound
from ringrift.doctor.machine import GB, FreeDisk, FreeMemory, Processor
from ringrift.doctor.node import Port, Profile, Reachable, Sentinel
from ringrift.doctor.python import Packages, PythonVersion
from ringrift.doctor.torch import TorchComputes
from ringrift.wire.views import SentinelView, StatusView

HERE = Path("/nowhere")
HEALTHY = msgspec.structs.replace(cockpit.STATUS, healthy=True, reason="")
GOLDEN_TOLD = {"games": 9, "steps": 106, "differences": 0, "examples": [], "seconds": 0.3}
TORCH_TOLD = {"version": "2.13.0", "device": "cpu", "error": 1e-6}


def gives(value: Any) -> Callable[..., Any]:
    def give(*_: object) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    return give


def changed(**changes: object) -> StatusView:
    return msgspec.structs.replace(HEALTHY, **changes)


KEPT = SentinelView(
    node_pid=77,
    node_alive=True,
    node_answers=True,
    restarts=1,
    last_exit="killed",
    last_restart_age_s=4000.0,
    resilience_score=0.92,
    resilience_level="HEALTHY",
    components={},
    formula="",
    memory_pressure_tier="NORMAL",
    memory_percent=41.0,
)


def kept(**changes: object) -> SentinelView:
    return msgspec.structs.replace(KEPT, **changes)


CASES: list[tuple[Check, str, str]] = [
    (PythonVersion(gives((3, 11, 7))), "ok", "3.11.7"),
    (PythonVersion(gives((3, 10, 2))), "failed", "3.11 or newer"),
    (Packages(gives(["a==1.0", "b>=2", 'c; extra == "dev"']), gives("1.0+cpu")), "ok", "2 as"),
    (Packages(gives(["a==1.0"]), gives("1.1")), "failed", "a is 1.1, not 1.0"),
    (Packages(gives(["a[x]>=1"]), gives(None)), "failed", "a is missing"),
    (Processor(gives((0.5, 2))), "ok", "2 cores"),
    (Processor(gives((4.1, 2))), "warning", "more than twice"),
    (FreeMemory(gives(8 * GB)), "ok", "8.0 GB"),
    (FreeMemory(gives(3 * GB)), "warning", "RINGRIFT_WORKER_SLOTS=1"),
    (FreeMemory(gives(1 * GB)), "failed", "killed"),
    (FreeDisk(HERE, gives(50 * GB)), "ok", "50.0 GB"),
    (FreeDisk(HERE, gives(5 * GB)), "warning", "within days"),
    (FreeDisk(HERE, gives(1 * GB)), "failed", "claims no work"),
    (TorchComputes(gives(TORCH_TOLD)), "ok", "torch 2.13.0 on cpu"),
    (TorchComputes(gives(TORCH_TOLD | {"error": 0.5})), "failed", "wrong by 0.5"),
    (TorchComputes(gives(TORCH_TOLD | {"error": float("nan")})), "failed", "wrong by nan"),
    (TorchComputes(gives(child.ChildError("ImportError: no"))), "failed", "ImportError: no"),
    (GoldenGames(gives(GOLDEN_TOLD)), "ok", "all as recorded"),
    (
        GoldenGames(gives(GOLDEN_TOLD | {"differences": 2, "examples": ["g step 3: hash"]})),
        "failed",
        "g step 3: hash",
    ),
    (GoldenGames(gives(GOLDEN_TOLD | {"steps": 0})), "failed", "nothing was compared"),
    (GoldenGames(gives(child.ChildError("no cache"))), "failed", "no cache"),
    (SocketPath(HERE), "ok", "18 of 107"),
    (SocketPath(HERE / ("x" * 100)), "failed", "too long"),
    (Directory(HERE), "not applicable", "does not exist yet"),
    (LogReadable(HERE), "not applicable", "founded"),
    (Profile("laptop", gives({})), "ok", "trains hex8_2p"),
    (Profile("laptop", gives({"RINGRIFT_HTTP_PROT": "1"})), "failed", "RINGRIFT_HTTP_PORT"),
    (Profile("desktop", gives({})), "failed", "no profile 'desktop'"),
    (Port("sentinel", 1, HERE, gives(False)), "ok", "1 is free"),
    (Port("sentinel", 1, HERE, gives(True), gives(None)), "failed", "another user"),
    (
        Port("sentinel", 1, HERE, gives(True), gives(psutil.AccessDenied())),
        "failed",
        "another user",
    ),
    (Reachable(HERE, gives(HEALTHY)), "ok", "anvil, process 41207"),
    (Reachable(HERE, gives(cockpit.STATUS)), "failed", "loop history"),
    (Reachable(HERE, gives(changed(voter_quorum_ok=False))), "failed", "no quorum"),
    (
        Reachable(
            HERE,
            gives(changed(nodes=(msgspec.structs.replace(cockpit.NODE, loop_lag_ms=900.0),))),
        ),
        "warning",
        "stood still for 900 ms",
    ),
    (Reachable(HERE, gives(NotRunningError("none"))), "not applicable", "no node runs"),
    (Reachable(HERE, gives(RefusedError("starting"))), "failed", "starting"),
    (Sentinel(1, HERE, gives(KEPT)), "ok", "resilience 0.92, 1 restarts"),
    (
        Sentinel(1, HERE, gives(KEPT), lambda port, data: (port, data) == (1, HERE)),
        "not applicable",
        "keeps another data directory",
    ),
    (Sentinel(1, HERE, gives(kept(node_answers=False))), "failed", "ended so: killed"),
    (Sentinel(1, HERE, gives(kept(last_restart_age_s=20.0))), "warning", "20 s ago (killed)"),
    (Sentinel(1, HERE, gives(kept(resilience_score=None))), "ok", "resilience –"),
    (Sentinel(1, HERE, gives(NotRunningError("none"))), "not applicable", "no sentinel"),
    (Sentinel(1, HERE, gives(RefusedError("who?"))), "failed", "another program"),
]


@pytest.mark.parametrize(("check", "state", "words"), CASES)
def test_each_check_holds_and_breaks(check: Check, state: str, words: str) -> None:
    found = check.look()
    assert found.state == state
    assert words in f"{found.value} {found.cause} {found.fix}"
    if state in ("warning", "failed"):
        assert found.cause and found.fix


def test_every_check_has_a_case_that_breaks_it() -> None:
    broken = {type(check).__name__ for check, state, _ in CASES if state == "failed"}
    broken |= {"Directory", "LogReadable"}  # broken on a real disk, below
    warned = {type(check).__name__ for check, state, _ in CASES if state == "warning"}
    every = checks_of(Site("laptop", HERE, 0))
    assert {type(check).__name__ for check in every} == broken | warned


def test_the_data_directory_on_a_real_disk(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert Directory(tmp_path).look().state == "ok"
    tmp_path.chmod(0o777)
    assert Directory(tmp_path).look().state == "warning"
    tmp_path.chmod(0o700)
    (tmp_path / "file").touch()
    assert Directory(tmp_path / "file").look().state == "failed"


def test_a_sound_log_and_a_damaged_one(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()
    assert LogReadable(tmp_path).look() == Finding("ok", "intact up to entry 0")
    (log / "vote").write_bytes(b"\0" * 20)
    found = LogReadable(tmp_path).look()
    assert found.state == "failed"
    assert "vote file is damaged" in found.cause


def test_a_taken_port_names_its_owner() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        found = Port("sentinel", other.getsockname()[1], HERE).look()
    assert found.state == "failed"
    assert f"process {os.getpid()}" in found.cause


class OwnNode:
    pid = 77

    def cmdline(self) -> list[str]:
        return [sys.executable, "-m", "ringrift.node.sentinel", "--data", str(HERE)]


def test_a_port_of_our_own_node_is_fine_and_of_another_is_not() -> None:
    port = Port("sentinel", 8790, HERE, gives(True), gives(OwnNode()))
    assert port.look() == Finding("ok", "8790 is held by our node, process 77")
    other = Port("sentinel", 8790, Path("/other"), gives(True), gives(OwnNode()))
    assert other.look().state == "failed"


class Crash:
    family = "test"
    name = "crash"

    def look(self) -> Finding:
        raise ZeroDivisionError("divided by nothing")


def test_a_crash_is_a_finding_and_the_rest_go_on() -> None:
    found = examine([Crash(), PythonVersion(gives((3, 11, 7)))])
    assert [one.state for one in found] == ["crashed", "ok"]
    assert found[0].cause == "divided by nothing"
    assert not sound(found)
    assert sound(found[1:])
    text = report(found)
    assert "☠ test crash" in text and "2 checks: 1 ok, 1 crashed." in text


def test_warnings_are_no_failure() -> None:
    assert sound(examine([FreeMemory(gives(3 * GB))]))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("raise SystemExit('out of order')", "out of order"),
        ("import sys; sys.exit(3)", "exit status 3"),
        ("print('no json')", "no answer"),
        ("pass", "no answer"),
        ("import time; time.sleep(60)", "within 1 s"),
    ],
)
def test_a_child_that_fails_says_why(script: str, words: str) -> None:
    with pytest.raises(child.ChildError, match=words):
        child.tell(script, timeout_s=1.0)


def test_a_childs_answer_is_its_last_line() -> None:
    script = "import sys; print('noise'); print('{\"a\": \"' + sys.argv[1] + '\"}')"
    assert child.tell(script, "b", timeout_s=20.0) == {"a": "b"}


def test_golden_games_break_when_a_recorded_hash_is_changed(tmp_path: Path) -> None:
    line = GOLDEN.read_text(encoding="utf-8").splitlines()[-1]
    record = msgspec.json.decode(line)
    record["steps"][-1]["sh"] = "0" * 16
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_bytes(msgspec.json.encode(record) + b"\n")
    told = child.tell(SCRIPT, str(wrong), timeout_s=300.0)
    assert GoldenGames(gives(told)).look().state == "failed"
    assert GoldenGames().look().state == "ok"
