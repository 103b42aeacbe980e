"""The command line as a stranger meets it: real processes against a fake node."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cockpit
import msgspec
import pytest
from fake_node import FakeNode, fake_node

from ringrift.cli.main import VERBS, parser
from ringrift.client import socket_of
from ringrift.wire.actions import CancelWork, RestartNode, SetConfigMode, SetNodeMode
from ringrift.wire.views import EventView, StatusView

LIMIT_S = 60.0


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rr-") as folder:  # tmp_path may exceed 107 bytes
        yield Path(folder)


@pytest.fixture
def node(data: Path) -> Iterator[FakeNode]:
    with fake_node(socket_of(data)) as server:
        yield server


def command(*arguments: str | Path) -> list[str]:
    run = "from ringrift.cli.main import main; main()"
    return [sys.executable, "-c", run, *map(str, arguments)]


def ringrift(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"COLUMNS": "100", "TZ": "UTC"}
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env=environment,
        check=False,
    )


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_names_every_verb_with_its_line(arguments: tuple[str, ...]) -> None:
    done = ringrift(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert all(f"{verb} {about.splitlines()[0]}" in lines for verb, _, about in VERBS)
    assert max(map(len, done.stdout.splitlines())) <= 88


def test_the_parser_knows_the_verbs_that_the_page_lists() -> None:
    known = set(parser()) - {"--help", "-h", "--version"}
    assert known == {verb for verb, _, _ in VERBS}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nonsense",), 'Unknown command "nonsense"'),
        (("status", "--jsno"), "--jsno"),
        (("pause",), "requires an argument"),
        (("pause", "hex9_2p"), "config 'hex9_2p' is unknown"),
        (("work", "cancel", "zero"), "zero"),
        (("work", "cancel", "0"), "Must be >= 1"),
        (("drain", "--deadline", "soon"), "give a number and s, m, h or d"),
        (("events", "--limit", "5000"), "Must be <= 1000"),
        (("tui", "--screen", "moon"), "moon"),
        (("tui", "--screenshot", "/nonexistent/x.svg"), "no folder /nonexistent"),
        (("tui", "--screenshot", "x.svg", "--size", "8"), "--size is '8'"),
        (("tui",), "needs a terminal"),
        (("up", "--profile", "desktop"), "no profile 'desktop'"),
        (("up", "--port-offset", "-1"), "Must be >= 0"),
        (("node", "--profile", "desktop"), "no profile 'desktop'"),
        (("status", "--url", ""), "'' is no address"),
        (("status", "--url", "http://127.0.0.1:x"), "is no address: give a path, http://"),
    ],
)
def test_a_wrong_request_gets_one_sentence(
    node: FakeNode, data: Path, arguments: tuple[str, ...], words: str
) -> None:
    extra = () if arguments[0] == "nonsense" else ("--data", str(data))
    done = ringrift(*arguments, *extra)
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 5
    assert node.asked == []


@pytest.mark.parametrize("verb", [("status",), ("events",), ("drain",), ("pause", "hex8_2p")])
def test_no_node_is_one_sentence_with_the_command(data: Path, verb: tuple[str, ...]) -> None:
    done = ringrift(*verb, "--data", data)
    assert done.returncode == 1
    assert done.stderr == (f"No node answers at {data}/node.sock; start one with `ringrift up`.\n")


@pytest.mark.parametrize("verb", ["status", "node", "up", "doctor"])
def test_an_empty_data_directory_is_not_the_working_directory(tmp_path: Path, verb: str) -> None:
    done = subprocess.run(
        command(verb, "--data", ""),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 2
    assert "it is empty" in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_data_directory_that_is_too_long_is_refused(tmp_path: Path) -> None:
    done = ringrift("status", "--data", tmp_path / ("x" * 120))
    assert done.returncode == 2
    assert "--data" in done.stderr and "Traceback" not in done.stderr


def test_status_is_a_page_or_json(node: FakeNode, data: Path) -> None:
    page = ringrift("status", "--data", data).stdout
    assert "laptop/anvil" in page and "40/64 games" in page and "▲ unhealthy" in page
    assert max(map(len, page.splitlines())) <= 100
    as_json = ringrift("status", "--json", "--data", data).stdout
    assert msgspec.json.decode(as_json, type=StatusView) == cockpit.STATUS


def test_events_are_lines_or_json(node: FakeNode, data: Path) -> None:
    lines = ringrift("events", "--limit", "2", "--data", data).stdout.splitlines()
    assert [line.split()[1] for line in lines] == ["new_games_available", "work_failed"]
    found = ringrift("events", "--json", "--match", "promoted", "--data", data).stdout
    event = msgspec.json.decode(found, type=EventView)
    assert event.name == "MODEL_PROMOTED"


def test_following_goes_on_until_interrupted(node: FakeNode, data: Path) -> None:
    with subprocess.Popen(
        command("events", "--follow", "--json", "--limit", "1", "--data", data),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        first = msgspec.json.decode(process.stdout.readline(), type=EventView)
        assert first.seq == cockpit.EVENTS[-1].seq
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""
        assert process.wait(LIMIT_S) == 130


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        (("drain", "--detach"), SetNodeMode(node="n-6f3a", mode="draining")),
        (
            ("drain", "--deadline", "5m", "--detach"),
            SetNodeMode(node="n-6f3a", mode="draining", deadline_s=300),
        ),
        (("undrain", "anvil"), SetNodeMode(node="n-6f3a", mode="active")),
        (("restart", "n-6f3a"), RestartNode(node="n-6f3a")),
        (("pause", "hex8_2p"), SetConfigMode(config="hex8_2p", mode="paused")),
        (("resume", "hex8_2p"), SetConfigMode(config="hex8_2p", mode="active")),
        (("work", "cancel", "61"), CancelWork(item=61)),
    ],
)
def test_steering_says_what_was_decided(
    node: FakeNode, data: Path, arguments: tuple[str, ...], request_: object
) -> None:
    done = ringrift(*arguments, "--data", data)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done as asked (log #1874)\n"
    assert node.asked == [request_]


def test_a_drain_is_waited_for(node: FakeNode, data: Path) -> None:
    view = node.status.nodes[0]
    for mode, code, words in (("drained", 0, "is drained"), ("active", 1, "not to be drained")):
        shown = msgspec.structs.replace(view, mode=mode)
        node.status = msgspec.structs.replace(node.status, nodes=(shown,), applied_index=1874)
        done = ringrift("drain", "--data", data)
        assert done.returncode == code
        assert words in done.stdout + done.stderr


def test_a_picture_from_before_the_drain_says_nothing_of_it(node: FakeNode, data: Path) -> None:
    view = node.status.nodes[0]
    assert (view.mode, node.status.applied_index) == ("active", 1873)
    shown = msgspec.structs.replace(view, mode="drained")
    later = msgspec.structs.replace(node.status, nodes=(shown,), applied_index=1874)
    timer = threading.Timer(2.0, lambda: setattr(node, "status", later))
    timer.start()
    done = ringrift("drain", "--data", data)
    timer.join()
    assert "is drained" in done.stdout, done.stderr


def test_an_unknown_node_is_refused_with_the_known_ones(node: FakeNode, data: Path) -> None:
    done = ringrift("drain", "hammer", "--data", data)
    assert done.returncode == 2
    assert done.stderr == "There is no node 'hammer'; known are anvil.\n"
    assert node.asked == []


def test_a_name_that_several_nodes_have_is_refused_with_their_ids(
    node: FakeNode, data: Path
) -> None:
    node.status = cockpit.CLUSTER
    done = ringrift("drain", "anvil", "--data", data)
    assert done.returncode == 2
    assert done.stderr == "Several nodes are named 'anvil'; give an id: n-6f3a, n-b7d2.\n"
    assert node.asked == []


def test_the_dashboard_as_text_and_as_a_picture(node: FakeNode, data: Path) -> None:
    frame = ringrift("tui", "--once", "--screen", "models", "--data", data).stdout
    assert "★ champion" in frame and "1674 ±38" in frame
    node.status = cockpit.CLUSTER
    frame = ringrift("tui", "--once", "--screen", "members", "--data", data).stdout
    assert "△ minimum" in frame and "anvil-b7d2" in frame
    picture = data / "screen.svg"
    done = ringrift("tui", "--screenshot", picture, "--size", "80x24", "--data", data)
    assert done.returncode == 0, done.stderr
    assert "selfplay" in picture.read_text(encoding="utf-8")


def test_up_attaches_to_a_running_node_and_leaves_it_running(node: FakeNode, data: Path) -> None:
    with subprocess.Popen(
        command("up", "--data", data), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "it is left running" in process.stdout.readline()
        assert "trains hex8_2p" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, errors
    assert errors == "" and "Stopping" not in rest


def test_a_reader_that_leaves_is_no_failure(node: FakeNode, data: Path) -> None:
    with subprocess.Popen(
        command("up", "--data", data), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        deadline = time.monotonic() + LIMIT_S
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert process.stderr.read() == ""
    assert process.returncode == 0
