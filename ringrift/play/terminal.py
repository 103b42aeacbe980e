"""The drivers: a full screen on a terminal, plain lines through a pipe."""

import os
import re
import select
import signal
import sys
import termios
import tty
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import TextIO

from ringrift.play.choices import ask
from ringrift.play.ink import plain, written
from ringrift.play.panel import picture
from ringrift.play.position import Position
from ringrift.play.session import Session, told
from ringrift.play.view import View

_REST_OF_KEY = 0.05
_ENTER_SCREEN, _LEAVE_SCREEN = "\x1b[?1049h\x1b[?25l", "\x1b[0m\x1b[?25h\x1b[?1049l"
_KEY = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z~]|O[A-Z])|.", re.DOTALL)
_NAMES = {
    **{
        f"\x1b{kind}{letter}": name
        for kind in "[O"
        for letter, name in zip("ABCD", ("up", "down", "right", "left"), strict=True)
    },
    "\x1b[5~": "pgup",
    "\x1b[6~": "pgdn",
    "\x1b": "esc",
    "\r": "enter",
    "\n": "enter",
    "\t": "tab",
    "\x7f": "backspace",
    "\b": "backspace",
    "\x03": "ctrl-c",
    "\x15": "ctrl-u",
}


def keys(text: str) -> list[str]:
    """The keys in what a terminal sent; what is no key of ours is left out."""
    found = (match.group() for match in _KEY.finditer(text))
    return [name for each in found if (name := _NAMES.get(each, each)).isprintable()]


def by_lines(session: Session, lines: Iterable[str], out: TextIO) -> None:
    """Play by lines: print what happened and what is asked, read what to do."""

    def say(*texts: str) -> None:
        for text in texts:
            out.write(text + "\n")
        out.flush()

    def draw() -> None:
        game = session.game
        say(*map(plain, picture(game.state, game.tables, session.players)))

    given, seen = iter(lines), (0, "")
    while not session.left:
        while session.waiting in ("forced", "computer"):
            say(told(session.step()))
        now = (session.game.turn, session.verdict)
        if now != seen:
            seen = now
            draw()
        if not session.asking_for_file:
            p = Position.read(session.game.state)
            asked = f"seat {p.seat}, {p.phase}: {ask(p.phase, p.pending, session.legal)}"
            say(session.verdict or f"{asked}. {len(session.listed)} choices; ? helps")
        line = next(given, None)
        if line is None:
            return
        if line.strip() == "b":
            draw()
        else:
            say(*session.command(line))


def _ignore(_signal: int, _frame: object) -> None:
    pass


@contextmanager
def _screen(fd: int) -> Generator[int]:
    """The terminal to ourselves; yields what becomes readable when its size changes."""
    before = termios.tcgetattr(fd)
    resized, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(resized, False)

    def end(_signal: int, _frame: object) -> None:
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGWINCH, _ignore)  # to be ignored it must have a handler, or none wakes
    signal.set_wakeup_fd(wake)
    try:
        tty.setraw(fd)
        _write(_ENTER_SCREEN)
        yield resized
    finally:
        signal.set_wakeup_fd(-1)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
        _write(_LEAVE_SCREEN)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _read(fd: int) -> list[str] | None:
    """The keys that are there; None when the terminal is gone."""
    data = os.read(fd, 4096)
    if not data:
        return None
    while data.endswith(b"\x1b") and select.select([fd], [], [], _REST_OF_KEY)[0]:
        data += os.read(fd, 4096)
    return keys(data.decode(errors="ignore"))


def on_screen(session: Session, colour: bool) -> None:
    """Play on the terminal until the person leaves."""
    view, fd = View(session), sys.stdin.fileno()
    with _screen(fd) as resized:
        while not session.left:
            size = os.get_terminal_size(sys.stdout.fileno())
            lines = view.frame(size.columns, size.lines)
            _write("\x1b[H" + "\r\n".join(written(line, colour) for line in lines) + "\x1b[J")
            ready, _, _ = select.select([fd, resized], [], [], view.wait)
            if resized in ready:
                os.read(resized, 4096)
            elif not ready:
                view.tick()
            else:
                pressed = _read(fd)
                if pressed is None:
                    return
                for name in pressed:
                    view.key(name)
    print(session.verdict or f"Left in turn {session.game.turn}.")
    if view.message:
        print(view.message)
