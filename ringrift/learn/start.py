"""Begin a run in a directory, or take up the one that is there."""

import msgspec

from ringrift import __version__
from ringrift.engine.config import Config
from ringrift.engine.errors import EngineError
from ringrift.learn.events import Founded, Settings
from ringrift.learn.journal import Journal, JournalError
from ringrift.learn.progress import Progress, progress_of


class StartError(ValueError):
    """Wishes that do not fit each other or the run that is there; one sentence."""


def founded(journal: Journal, config: str, seed: int, learning_rate: float | None) -> Progress:
    """The run of `journal`, founded now with these wishes if it is empty.

    Raises StartError when the wishes are bad or a run with others is there, JournalError when the
    journal is of no run.
    """
    try:
        config = Config.parse(config).name
    except EngineError as error:
        raise StartError(f"config: {error}") from error
    settings = Settings(config=config, seed=seed)
    if learning_rate is not None:
        if not 0 <= learning_rate <= 1:
            raise StartError(f"learning-rate is {learning_rate:g}; it must lie in 0 to 1.")
        settings = msgspec.structs.replace(settings, learning_rate=learning_rate)
    if not journal.events:
        journal.append(Founded(settings, __version__))
    try:
        progress = progress_of(journal.events)
    except ValueError as error:
        raise JournalError(f"This directory cannot be used: {error}") from error
    assert progress is not None
    there = progress.settings
    if (there.config, there.seed) != (config, seed) or (
        learning_rate is not None and there.learning_rate != learning_rate
    ):
        raise StartError(
            f"a run of {there.config} with seed {there.seed} and learning rate "
            f"{there.learning_rate:g} is there already; name these, or choose another --out."
        )
    return progress
