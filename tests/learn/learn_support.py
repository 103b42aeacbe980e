"""Runs of learning made of events, for tests."""

from ringrift.learn.events import Event, Founded, Kept, Matched, Settings, Trained, Worked
from ringrift.learn.progress import Progress, progress_of

SETTINGS = Settings(config="hex8_2p", seed=7)


def sha(number: int) -> str:
    return f"{number:064x}"


def kept(number: int, *, run: int = 1, games: int = 32, full_rows: int = 500) -> Kept:
    """The `number`-th shard of a run, from 0."""
    return Kept(
        sha256=sha(1000 * run + number),
        bytes=1,
        run_id=f"{run:032x}",
        first_game=number * games,
        games=games,
        decisions=games * 60,
        full_rows=full_rows,
        steps=games * 160,
        generator=None,
        at_s=float(number),
    )


def trained(number: int, *, seen_rows: int = 0, at_s: float = 0.0) -> Trained:
    return Trained(
        sha256=sha(number),
        state_sha256=None,
        parent=sha(number - 1) if number > 1 else None,
        seen_rows=seen_rows,
        rows=1000,
        rows_drawn=4000,
        reuse=4.0,
        policy_loss=2.0,
        value_loss=0.6,
        holdout_policy_loss=None,
        holdout_value_loss=None,
        seconds=3.0,
        at_s=at_s,
    )


def matched(
    number: int, opponent: str, blocks: list[int], *, first: int = 0, rotations: int = 2
) -> Matched:
    return Matched(
        candidate=sha(number),
        opponent=opponent,
        first_opening=first,
        blocks=tuple(blocks),
        rotations=rotations,
        openings=tuple(f"{number:08x}{first + n:08x}" for n in range(len(blocks))),
        finals=tuple(
            tuple(f"{number:08x}{rotations * (first + n) + seat:08x}" for seat in range(rotations))
            for n in range(len(blocks))
        ),
        simulations=32,
        seconds=1.0,
        at_s=0.0,
    )


def worked(stage: str, core_seconds: float, at_s: float = 0.0) -> Worked:
    return Worked(stage=stage, core_seconds=core_seconds, at_s=at_s)  # pyright: ignore[reportArgumentType]


def progress(*events: Event, settings: Settings = SETTINGS) -> Progress:
    found = progress_of([Founded(settings, "0"), *events])
    assert found is not None
    return found
