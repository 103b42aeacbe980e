"""Wrong requests of `ringrift learn` and `ringrift match`: one sentence, exit 2, nothing begun."""

import subprocess
import sys
from pathlib import Path

import pytest

from ringrift.cli.learn import learn
from ringrift.learn.loop import Learning


def ringrift(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", "from ringrift.cli.main import main; main()", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--config", "hex9"), "config"),
        (("--config", "hex8_2p", "--minutes", "nan"), "minutes is nan"),
        (("--config", "hex8_2p", "--minutes", "inf"), "minutes is inf"),
        (("--config", "hex8_2p", "--cores", "0"), "cores is 0"),
        (("--config", "hex8_2p", "--learning-rate", "2"), "learning-rate"),
    ],
)
def test_learn_refuses_and_leaves_nothing(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = ringrift("learn", *arguments, "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--openings", "5", "openings is 5"),
        ("--simulations", "1", "simulations is 1"),
        ("--cores", "0", "cores is 0"),
        ("--simulations", "1", "simulations is 1"),
        ("--config", "nope", "config"),
        ("--model", "absent.safetensors", "absent.safetensors cannot be read"),
        ("--out", "weights.safetensors", "out: weights.safetensors cannot be written"),
        ("--against", "weights.safetensors", "against itself"),
        ("--against", "heuristc-2", "heuristc-2"),
        ("--seed", "s" * 65, "seed has 65 characters"),
        ("--out", "torn", "ends within a line"),
    ],
)
def test_match_refuses_before_it_plays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, value: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.safetensors").write_bytes(b"no weights, but they are never read")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "matches.jsonl").write_text('{"lone": "hex8')
    asked = {"--model": "weights.safetensors", "--against": "random-1"} | {option: value}
    done = ringrift("match", *(part for pair in asked.items() for part in pair))
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_learn_hands_its_children_a_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They work in a directory of their own, where a relative one would be another."""
    runs: list[Learning] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("trio.run", lambda _run, learning: runs.append(learning))
    learn(config="hex8_2p", out=Path("runs/one"))
    [run] = runs
    run.journal.close()
    assert run.directory == tmp_path / "runs" / "one"
