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


def wished(config: str, seed: int, learning_rate: float | None) -> Settings:
    """The settings that these wishes make; raises StartError when they are bad."""
    try:
        settings = Settings(config=Config.parse(config).name, seed=seed)
    except EngineError as error:
        raise StartError(f"config: {error}") from error
    if learning_rate is None:
        return settings
    if not 0 <= learning_rate <= 1:
        raise StartError(f"learning-rate is {learning_rate:g}; it must lie in 0 to 1.")
    return msgspec.structs.replace(settings, learning_rate=learning_rate)


def founded(journal: Journal, settings: Settings, *, named_rate: bool = False) -> Progress:
    """The run of `journal`, founded now with `settings` if it is empty.

    Raises StartError when a run of another config or seed is there, or, with `named_rate`, of
    another learning rate; JournalError when the journal is of no run; OSError when it is full.
    """
    if not journal.events:
        journal.append(Founded(settings, __version__))
    try:
        progress = progress_of(journal.events)
    except ValueError as error:
        raise JournalError(f"This directory cannot be used: {error}") from error
    assert progress is not None
    there = progress.settings
    if (there.config, there.seed) != (settings.config, settings.seed) or (
        named_rate and there.learning_rate != settings.learning_rate
    ):
        raise StartError(
            f"a run of {there.config} with seed {there.seed} and learning rate "
            f"{there.learning_rate:g} is there already; name these, or choose another --out."
        )
    return progress
