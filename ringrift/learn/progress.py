"""What holds now in a run of learning: its events, folded. Knows no clock and no disk."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ringrift.learn.events import (
    Event,
    Fitting,
    Founded,
    Kept,
    Lost,
    Matched,
    RolledBack,
    Ruled,
    Settings,
    Stage,
    Started,
    Trained,
    Unfit,
    Unplayed,
    Worked,
)
from ringrift.train.blocks import Histogram, Score, histogram_of


def is_network(player: str) -> bool:
    """Whether this names a network (its sha256) rather than a baseline."""
    return len(player) == 64


@dataclass(slots=True)
class Pairing:
    """All blocks that a candidate has played against one opponent, in order of their openings."""

    rotations: int
    blocks: list[int] = field(default_factory=list[int])
    openings: list[str] = field(default_factory=list[str])
    finals: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    @property
    def histogram(self) -> Histogram:
        return histogram_of(self.blocks, self.rotations)

    def score(self, blocks: int | None = None) -> Score:
        """The first `blocks` blocks, or all, summed up."""
        finals = {final for block in self.finals[:blocks] for final in block}
        histogram = histogram_of(self.blocks[:blocks], self.rotations)
        return Score(histogram, len(set(self.openings[:blocks])), len(finals))


@dataclass(slots=True)
class Candidate:
    """A trained network: how it was made, whom it met, what was decided."""

    number: int  # from 1
    trained: Trained
    pairings: dict[str, Pairing] = field(default_factory=dict[str, Pairing])
    unplayed: Unplayed | None = None
    ruled: Ruled | None = None

    @property
    def sha256(self) -> str:
        return self.trained.sha256


@dataclass(slots=True)
class Progress:
    """A run so far. Counts are of acknowledged games only; a game counts once.

    `unfit` counts fits that failed, `clashes` shards that were refused because some of their games
    were there already, `lost` the games of shards that are missing or damaged. `fitting` is how
    many full-search rows the fit that has begun knows of. `parent` is who the next fit continues
    from: the newest candidate, unless there was a rollback since.
    """

    settings: Settings
    version: str
    at_s: float = 0.0
    starts: int = 0
    games: int = 0
    decisions: int = 0
    full_rows: int = 0
    seen_rows: int = 0
    fitting: int | None = None
    clashes: int = 0
    lost: int = 0
    unfit: int = 0
    shards: list[Kept] = field(default_factory=list[Kept])
    candidates: list[Candidate] = field(default_factory=list[Candidate])
    champion: str | None = None
    parent: Candidate | None = None
    rolled_back: list[RolledBack] = field(default_factory=list[RolledBack])
    core_s: dict[Stage, float] = field(default_factory=dict[Stage, float])
    _ranges: dict[str, list[range]] = field(default_factory=dict[str, list[range]])

    @property
    def new_rows(self) -> int:
        """Full-search rows that no fit has seen, nor the one that has begun."""
        return self.full_rows - (self.fitting or self.seen_rows)

    @property
    def newest(self) -> Candidate | None:
        return self.candidates[-1] if self.candidates else None

    def candidate(self, sha256: str) -> Candidate:
        """The newest candidate of that hash; raises KeyError for one that never was."""
        for found in reversed(self.candidates):
            if found.sha256 == sha256:
                return found
        raise KeyError(sha256)

    def name_of(self, player: str) -> str:
        """What people call a baseline or a network of this run."""
        return f"network {self.candidate(player).number}" if is_network(player) else player

    def take(self, event: Event) -> None:
        """Let `event` have happened."""
        if not isinstance(event, Founded):
            self.at_s = max(self.at_s, event.at_s)
        match event:
            case Founded():
                pass
            case Started():
                self.starts = max(self.starts, event.number)
            case Kept():
                self._keep(event)
            case Fitting():
                self.fitting = event.seen_rows
            case Trained():
                self.seen_rows, self.fitting = event.seen_rows, None
                self.parent = Candidate(len(self.candidates) + 1, event)
                self.candidates.append(self.parent)
            case Matched():
                self._match(event)
            case Unplayed():
                self.candidate(event.candidate).unplayed = event
            case Unfit():
                self.unfit += 1
                self.fitting = None
            case Lost():
                self._lose(event.sha256)
            case RolledBack():
                self.parent = self.candidate(event.champion)
                self.rolled_back.append(event)
            case Ruled():
                self.candidate(event.candidate).ruled = event
                if event.decision == "promoted":
                    self.champion = event.candidate
            case Worked():
                spent = self.core_s.get(event.stage, 0.0)
                self.core_s[event.stage] = spent + event.core_seconds

    def _keep(self, shard: Kept) -> None:
        numbers = range(shard.first_game, shard.first_game + shard.games)
        known = self._ranges.setdefault(shard.run_id, [])
        if any(had.start < numbers.stop and numbers.start < had.stop for had in known):
            self.clashes += 1
            return
        known.append(numbers)
        self.shards.append(shard)
        self.games += shard.games
        self.decisions += shard.decisions
        self.full_rows += shard.full_rows

    def _lose(self, sha256: str) -> None:
        before = 0
        for place, shard in enumerate(self.shards):
            if shard.sha256 == sha256:
                # Rows are counted as seen, and as given to a fit, in the order of the shards.
                self.seen_rows -= min(shard.full_rows, max(0, self.seen_rows - before))
                if self.fitting is not None:
                    self.fitting -= min(shard.full_rows, max(0, self.fitting - before))
                    if self.fitting <= self.seen_rows:
                        self.fitting = None
                self.games -= shard.games
                self.lost += shard.games
                self.decisions -= shard.decisions
                self.full_rows -= shard.full_rows
                del self.shards[place]
                return
            before += shard.full_rows

    def _match(self, event: Matched) -> None:
        pairings = self.candidate(event.candidate).pairings
        pairing = pairings.setdefault(event.opponent, Pairing(event.rotations))
        if event.first_opening != len(pairing.blocks):
            return  # these blocks were handed in once before
        pairing.blocks.extend(event.blocks)
        pairing.openings.extend(event.openings)
        pairing.finals.extend(event.finals)


def progress_of(events: Iterable[Event]) -> Progress | None:
    """The run that these events make; None when there are none.

    Raises ValueError when they do not begin with `Founded`.
    """
    progress: Progress | None = None
    for event in events:
        if progress is None:
            if not isinstance(event, Founded):
                raise ValueError("the journal does not begin with the founding of a run.")
            progress = Progress(event.settings, event.version)
        progress.take(event)
    return progress
