"""`ringrift learn`: the whole loop on one machine, in one terminal."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

from ringrift.cli.place import fail, named_path

if TYPE_CHECKING:
    from ringrift.learn.events import Event
    from ringrift.learn.loop import Learning

PULSE_S = 10.0


def learn(
    *,
    config: Annotated[str, cyclopts.Parameter(help="Board and seats, such as hex8_2p.")],
    out: Annotated[
        Path | None,
        cyclopts.Parameter(
            help="Directory; ~/.local/share/ringrift/learn/CONFIG when not given.",
            converter=named_path,
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        cyclopts.Parameter(help="Compute time in all, counted over restarts; endless if omitted."),
    ] = None,
    once: Annotated[bool, cyclopts.Parameter(help="End after one fit.")] = False,
    seed: Annotated[int, cyclopts.Parameter(help="Decides the run; fixed when it begins.")] = 0,
    learning_rate: Annotated[
        float | None, cyclopts.Parameter(help="0 is the control: nothing is learned.")
    ] = None,
    cores: Annotated[
        int | None, cyclopts.Parameter(help="Compute threads; all this process may use if omitted.")
    ] = None,
    json: Annotated[bool, cyclopts.Parameter(help="Print each event as a line of JSON.")] = False,
) -> None:
    """Play, train, evaluate and promote from random weights; call again to go on."""
    import trio

    from ringrift.cli.cores import usable_cores
    from ringrift.learn.children import LearnError
    from ringrift.learn.journal import Journal, JournalError
    from ringrift.learn.loop import Learning
    from ringrift.learn.start import StartError, founded, wished
    from ringrift.node.runtime.clock import WorkingClock

    if minutes is not None and not 0 < minutes < 1e6:
        fail(f"minutes is {minutes:g}; give a number above 0, or leave it out.", 2)
    count = usable_cores() if cores is None else cores
    if count < 1:
        fail(f"cores is {count}; give 1 or more.", 2)
    # Children work in a directory of their own, where a relative path would be another.
    directory = (out or Path.home() / ".local/share/ringrift/learn" / config).absolute()
    try:
        settings = wished(config, seed, learning_rate)
        journal = Journal(directory / "journal", time.sleep)
        progress = founded(journal, settings, named_rate=learning_rate is not None)
    except (JournalError, StartError) as error:
        fail(str(error), 2)
    except OSError as error:
        fail(f"{directory} cannot be written ({error.strerror}); choose another --out.", 2)
    limit_s = None if minutes is None else 60 * minutes
    learning = Learning(
        directory, journal, progress, count, WorkingClock(), limit_s, lambda event: None, once
    )
    show = _shower(learning, as_json=json)
    learning.changed = show
    problem: str | None = None
    try:
        trio.run(obeying, learning)
    except* LearnError as errors:
        problem = " ".join(map(str, errors.exceptions))
    finally:
        show.close()
    if problem is not None:
        fail(problem, 1)
    if show.unheard:
        raise BrokenPipeError


async def obeying(learning: "Learning") -> None:
    """Run it, and let the terminal's signals end it in good order or stop it for a while."""
    import signal

    import trio

    async with trio.open_nursery() as nursery:
        nursery.start_soon(_obey, learning, signal.SIGINT, signal.SIGTERM)
        nursery.start_soon(_rest, learning)
        await learning.run()
        nursery.cancel_scope.cancel()


async def _obey(learning: "Learning", *signals: int) -> None:
    import trio

    with trio.open_signal_receiver(*signals) as received:
        async for _ in received:
            learning.stop()


async def _rest(learning: "Learning") -> None:
    """Let Ctrl-Z stop the children too: they are in process groups of their own."""
    import os
    import signal

    import trio

    with trio.open_signal_receiver(signal.SIGTSTP) as received:
        async for _ in received:
            learning.send_signal(signal.SIGSTOP)
            os.kill(os.getpid(), signal.SIGSTOP)  # returns when the command goes on
            learning.send_signal(signal.SIGCONT)


class _Shower:
    """Prints news as it comes; on a terminal redraws the page instead.

    When nobody reads any more the run ends in good order, and `unheard` is set.
    """

    def __init__(self, learning: "Learning", *, as_json: bool, terminal: bool) -> None:
        self._learning, self._json = learning, as_json
        self._last = -PULSE_S
        self._live = None
        self.unheard = False
        if terminal:
            from rich.live import Live

            self._live = Live(auto_refresh=False, screen=False)
            self._live.start()

    def __call__(self, event: "Event | None") -> None:
        if self.unheard:
            return
        try:
            self._show(event)
        except BrokenPipeError:
            self.unheard = True
            self._learning.stop()

    def _show(self, event: "Event | None") -> None:
        from ringrift.learn import view

        learning = self._learning
        now = learning.clock.now()
        if self._json:
            if event is not None:
                import msgspec

                print(msgspec.json.encode(event).decode(), flush=True)
        elif self._live is not None:
            if event is not None or now - self._last >= 0.5:
                from rich.text import Text

                self._last = now
                lines = view.page(
                    learning.progress, learning.doing, learning.at_s, learning.limit_s
                )
                self._live.update(Text("\n".join(lines)), refresh=True)
        else:
            for line in [] if event is None else view.news(learning.progress, event):
                print(line, flush=True)
            if now - self._last >= PULSE_S:
                self._last = now
                print(view.pulse(learning.progress, learning.at_s), flush=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.stop()


def _shower(learning: "Learning", *, as_json: bool) -> _Shower:
    return _Shower(learning, as_json=as_json, terminal=sys.stdout.isatty() and not as_json)
