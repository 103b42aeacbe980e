"""What is drawn, and the drivers: a pipe and a real terminal."""

import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from pathlib import Path

import pytest
from play_support import BOARDS, fresh, settle

from ringrift.engine.verify import verify_file
from ringrift.play.ink import length, plain, written
from ringrift.play.position import Position
from ringrift.play.terminal import by_lines, keys
from ringrift.play.view import View

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-c", "from ringrift.cli.main import main; main()", "play")


def screen(view: View, columns: int = 80, rows: int = 24) -> str:
    return "\n".join(map(plain, view.frame(columns, rows)))


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (60, 16), (300, 100)])
@pytest.mark.parametrize("config", BOARDS)
def test_a_frame_fills_the_screen_and_no_more(config: str, size: tuple[int, int]) -> None:
    seats = int(config[-2])
    view = View(fresh(config, "human", *["random"] * (seats - 1)))
    for key in ("", "enter", "tab", "enter", "h", "?", "x"):
        view.key(key)
        for _ in range(9):
            if view.wait is not None:
                view.tick()
        lines = view.frame(*size)
        assert {length(line) for line in lines} == {size[0]}
        assert len(lines) == size[1]
        assert f"seat{'':3}" in screen(view, *size) or view.helping


def test_a_tiny_screen_says_what_is_needed() -> None:
    view = View(fresh("hex8_2p", "human", "human"))
    assert screen(view, 50, 5) == "50x5 is too small; 60x16 is needed"


def test_the_cell_in_question_is_in_sight() -> None:
    view = View(fresh("hexagonal_2p", "human", "human"))
    for cell in ("-12,12,0", "0,-12,12", "12,-12,0", "0,12,-12"):
        view.cursor = cell
        assert "[+]" in screen(view)


def test_without_colour_all_is_told_by_characters() -> None:
    session = fresh("square8_2p", "human", "human")
    for line in ("3,4 2", "3,4 3,6", "0,0 1", "0,0 0,1"):
        settle(session)
        session.command(line)
    settle(session)
    view = View(session)
    picture = screen(view)
    assert "●2" in picture and "‹○1›" in picture and "•" in picture and "◦" in picture
    for line in view.frame(80, 24):
        numbers = re.findall(r"\x1b\[([\d;]+)m", written(line, False))
        assert all(int(n) < 10 for found in numbers for n in found.split(";"))
    assert "\x1b[1;4;96m" in "".join(written(line, True) for line in view.frame(80, 24))


def test_a_stack_is_told_in_full() -> None:
    state = fresh("square8_2p", "human", "human").game.state.replace("S=", "S=3,4:1222", 1)
    assert Position.read(state).told("3,4") == (
        "stack of seat 2, height 4, cap 3, rings from the bottom 1222"
    )


def test_watching_waits_between_turns() -> None:
    view = View(fresh("square8_2p", "random", "random"))
    assert view.wait is None
    for turn in (2, 3):
        view.key(" ")
        while view.wait is not None:
            view.tick()
        assert view.session.game.turn == turn
    view.key("a")
    assert view.wait is not None
    while view.session.waiting != "over":
        view.tick()
    assert "won by" in screen(view)
    view.key("u")
    assert view.session.waiting == "computer"


def test_resigning_quitting_and_editing_by_keys() -> None:
    view = View(fresh("square8_2p", "human", "human"))
    for key in (*"3,4 2", "backspace", "3", "enter", "r", "enter"):
        view.key(key)
    assert view.session.verdict == "Seat 1 (human) resigned"
    for key in ("q", "esc"):
        view.key(key)
    assert not view.session.asking_for_file
    for key in ("q", *"/nonexistent/x", "ctrl-u", "ctrl-c"):
        view.key(key)
    assert (view.session.left, view.message) == (True, "left without saving")


def test_a_hint_is_one_enter_away() -> None:
    view = View(fresh("square8_2p", "human", "heuristic"))
    for key in ("enter", "enter", "h"):
        view.key(key)
    hinted = view.session.hinted
    assert hinted and hinted in view.message
    view.key("enter")
    assert view.session.played[-1].text == hinted


def test_keys_of_a_terminal() -> None:
    assert keys("\x1b[A\x1bOBq\r\x1b[5~\x1b[1;5C\x1b[99~é\x03") == [
        *("up", "down", "q", "enter", "pgup", "é", "ctrl-c")
    ]
    assert keys("\x1b") == ["esc"]


def test_a_pipe_plays_by_lines_and_can_replay_a_whole_game() -> None:
    first = fresh("square8_2p", "random", "random", seed=2)
    settle(first)
    again = fresh("square8_2p", "human", "human", seed=2)
    out = io.StringIO()
    by_lines(again, (played.text for played in first.played), out)
    assert [played.text for played in again.played] == [played.text for played in first.played]
    assert first.verdict.replace("random", "human") in out.getvalue()


def test_a_pipe_ends_where_its_lines_end() -> None:
    out = io.StringIO()
    by_lines(fresh("hex8_2p", "human", "heuristic"), ["b", "l 2", "?", "h", "nonsense"], out)
    said = out.getvalue()
    assert "seat 1, ring_placement: Place 1-3 rings. 183 choices; ? helps" in said
    assert "page 2 of 10" in said and "  21 place_ring" in said
    assert "no choice is 'nonsense'" in said


def test_the_program_through_a_pipe() -> None:
    done = subprocess.run(
        [*PROGRAM, "--seats", "random,random", "--seed", "1"],
        input="",
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert " won by " in done.stdout.splitlines()[-1]


class Terminal:
    """The real program on a pseudo-terminal."""

    def __init__(self, *words: str) -> None:
        self.fd, inside = pty.openpty()
        ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.program = subprocess.Popen(
            [*PROGRAM, *words], stdin=inside, stdout=inside, stderr=inside, cwd=ROOT
        )
        os.close(inside)
        self.seen = ""

    def read(self) -> bool:
        """Whether the program is still there."""
        if not select.select([self.fd], [], [], 0.1)[0]:
            return True
        try:
            self.seen += os.read(self.fd, 65536).decode(errors="ignore")
        except OSError:
            return False
        return True

    def until(self, words: str) -> None:
        """Read until these words were written; they are forgotten then."""
        late = time.monotonic() + 120
        while words not in self.seen:
            assert self.read() and time.monotonic() < late, (words, self.seen[-3000:])
        self.seen = self.seen.partition(words)[2]

    def resize(self, rows: int, columns: int) -> None:
        """The kernel tells only programs of whose session this is the terminal, so tell it here."""
        ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.program.send_signal(signal.SIGWINCH)

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())


def test_the_program_on_a_terminal(tmp_path: Path) -> None:
    terminal = Terminal("--seed", "1", "--seats", "human,random")
    terminal.until("Place 1-3 rings")
    terminal.type("\r")
    terminal.until("Which of these?")
    terminal.type("2\r")
    terminal.until("where to?")
    terminal.type("h")
    terminal.until("hint: move_stack")
    terminal.type("\r")
    terminal.until("turn 3")
    terminal.until("Place 1-3 rings, or skip")
    terminal.resize(24, 50)
    terminal.until("50x24 is too small")
    terminal.resize(60, 200)
    terminal.until("Place 1-3 rings, or skip")
    terminal.type("q")
    terminal.until("Save first?")
    terminal.type(f"{tmp_path}/game.jsonl\r")
    terminal.until("saved to")
    while terminal.read():
        pass
    os.close(terminal.fd)
    assert terminal.program.wait(60) == 0
    report = verify_file(tmp_path / "game.jsonl", lambda _: None)
    assert (report.differences, report.games) == (0, 1)
    assert report.steps > 4
