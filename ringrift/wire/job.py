"""The line protocol between a node and its compute children.

A child (``python -m ringrift.train.job``) reads one `JobSpec` as a JSON line from stdin and writes
`JobLine`s as JSON lines to stdout, at least one every five seconds. Its stdin stays open: its end
means that the parent is gone, and is answered like SIGTERM, by handing in what there is. The last
line of every run is `Finished` or `Failed`; a child that ends without either has crashed.
"""

from typing import Annotated, Literal

import msgspec

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
RunId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
ENDLESS_GAMES = 10_000_000
"""Games of a child that plays until it is stopped."""
Positive = Annotated[int, msgspec.Meta(ge=1, le=ENDLESS_GAMES)]
Simulations = Annotated[int, msgspec.Meta(ge=2, le=4096)]
Threads = Annotated[int, msgspec.Meta(ge=1, le=256)]
Path = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Turns = Annotated[int, msgspec.Meta(ge=1, le=100)]
Head = Literal["owner", "eliminations", "turns_left", "reply"]
ConfigName = Annotated[str, msgspec.Meta(pattern="^(hex8|square8|square19|hexagonal)_[234]p$")]


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A network on the local disk: its content hash and where it lies."""

    sha256: Sha256
    path: Path


class SelfplayJob(
    msgspec.Struct, frozen=True, tag="selfplay", tag_field="kind", forbid_unknown_fields=True
):
    """Play `games` games with search and write them to `out_dir` as shards.

    `run_id` is minted for each start of a child and seeds it; a game's id is (run id, n), where n
    counts from 0 as games finish. `weights` None means untrained: the child draws a network from
    `run_id` and plays with that.

    `carry` is a file of unfinished games: taken up first if it is there (they count among `games`),
    and written when the child is asked to stop. A child without it drops what is unfinished.
    `adopt` are further such files, of children that will not come back.

    The rest makes games differ. A share `random_openings` of them opens with 1 to `opening_turns`
    random turns of each seat; in the first `sampled_turns` turns of each seat moves are drawn from
    the improved policy at `temperature` (0: its best). In a share `opponent_share` of the games
    the baseline `opponent` ("heuristic-1") plays one seat: only where it is asked for.
    """

    config: ConfigName
    run_id: RunId
    games: Positive
    out_dir: Path
    weights: Weights | None = None
    threads: Threads = 1
    parallel_games: Positive = 32
    games_per_shard: Positive = 32
    full_simulations: Simulations = 64
    full_considered: Simulations = 16
    cheap_simulations: Simulations = 16
    cheap_considered: Simulations = 8
    full_fraction: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.25
    carry: Path | None = None
    adopt: tuple[Path, ...] = ()
    random_openings: Share = 0.5
    opening_turns: Turns = 3
    sampled_turns: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 2
    temperature: Annotated[float, msgspec.Meta(ge=0, le=10)] = 1.0
    opponent: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    opponent_share: Share = 0.0


class TrainingJob(
    msgspec.Struct, frozen=True, tag="training", tag_field="kind", forbid_unknown_fields=True
):
    """Build a dataset from `shards` (oldest first), continue from `parent`, publish a candidate.

    `new_rows` are the full-search rows that no earlier fit has seen: the child draws at most
    `max_reuse` times as many, from whole games with the newest `window_rows` full-search rows, and
    reports the ratio it measured. `parent` None starts from a network drawn from `run_id`.

    `parent_state` is what else the fit that made `parent` left: its optimiser and bare weights;
    None starts a fresh optimiser. A fit that finds its own checkpoint in `checkpoint_dir` goes on
    from there, bit for bit; None keeps none. Shards are exported to `export_dir` (None: `out_dir`)
    once, for all fits that share it. `precision` bfloat16 is faster where the machine has it, and
    not reproducible bit for bit; "auto" takes it there. `weighting` is one of
    `train.weighting.STRATEGIES`. `preset` and `heads` decide a network without parent.
    """

    config: ConfigName
    run_id: RunId
    out_dir: Path
    shards: tuple[Weights, ...]
    new_rows: Annotated[int, msgspec.Meta(ge=0)]
    parent: Weights | None = None
    threads: Threads = 1
    learning_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 3e-3
    batch_size: Positive = 64
    max_reuse: Annotated[float, msgspec.Meta(gt=0, le=100)] = 4.0
    window_rows: Positive = 200_000
    parent_state: Weights | None = None
    checkpoint_dir: Path | None = None
    export_dir: Path | None = None
    precision: Literal["auto", "float32", "bfloat16"] = "float32"
    weighting: Annotated[str, msgspec.Meta(max_length=32)] = "uniform"
    preset: Annotated[str, msgspec.Meta(max_length=32)] = "tiny"
    heads: tuple[Head, ...] = ("owner", "eliminations")


class EvaluationJob(
    msgspec.Struct, frozen=True, tag="evaluation", tag_field="kind", forbid_unknown_fields=True
):
    """Play `candidate` against one opponent: a baseline's name and version, or other weights.

    `openings` distinct random openings, each played in every seat rotation; the block of rotations
    is the sample. Networks search `simulations` without noise; with 0 they take the policy's first
    choice instead. 1 is refused.

    The candidate sits alone against copies of the opponent; `reverse` has the opponent sit alone
    against copies of the candidate. Openings are numbered from `first_opening`, so that a match can
    be played in parts; `seed` "" takes the run id, parts of one match share one. `judge` keeps only
    openings that it holds for even. With `error` the match ends early by the sequential promotion
    test at that error, and `openings` are the most that are played.
    """

    config: ConfigName
    run_id: RunId
    out_dir: Path
    candidate: Weights
    opponent: Weights | Annotated[str, msgspec.Meta(max_length=64)]
    openings: Annotated[int, msgspec.Meta(ge=20, le=10_000)] = 20
    simulations: Annotated[int, msgspec.Meta(ge=0, le=4096)] = 32
    threads: Threads = 1
    reverse: bool = False
    seed: Annotated[str, msgspec.Meta(max_length=64)] = ""
    first_opening: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    judge: Weights | None = None
    error: Annotated[float, msgspec.Meta(gt=0, lt=0.5)] | None = None


JobSpec = SelfplayJob | TrainingJob | EvaluationJob


class Progress(msgspec.Struct, frozen=True, tag="progress", tag_field="line"):
    """How far a child is: `done` of `total` in `unit`, and its speed in units a second."""

    done: int
    total: int
    unit: str
    rate: float | None
    figures: dict[str, float] = {}


class Heartbeat(msgspec.Struct, frozen=True, tag="heartbeat", tag_field="line"):
    """The child lives; sent at least every five seconds while nothing else is."""


class ShardWritten(msgspec.Struct, frozen=True, tag="shard", tag_field="line"):
    """A finished shard: games (run id, `first_game` … `first_game + games - 1`)."""

    path: str
    sha256: Sha256
    bytes: int
    run_id: RunId
    first_game: int
    games: int
    decisions: int
    full_rows: int
    steps: int


class SelfplayDone(msgspec.Struct, frozen=True, tag="selfplay", tag_field="of"):
    """What a selfplay child did in all (its shards were reported one by one).

    `carried` games are unfinished and wait in the job's carry file.
    """

    games: int
    decisions: int
    seconds: float
    carried: int = 0


class TrainingDone(msgspec.Struct, frozen=True, tag="training", tag_field="of"):
    """A candidate network and how it was made.

    `dataset_sha256` names the games it could draw from, `rows` how many decisions they have.
    `reuse` is rows drawn per new full-search row. The next fit takes the state as `parent_state`.
    """

    path: str
    sha256: Sha256
    bytes: int
    dataset_sha256: Sha256
    rows: int
    rows_drawn: int
    steps: int
    reuse: float
    policy_loss: float
    value_loss: float
    holdout_policy_loss: float | None
    holdout_value_loss: float | None
    parameters_changed: bool
    seconds: float
    state_path: str | None = None
    state_sha256: Sha256 | None = None
    state_bytes: int | None = None


class EvaluationDone(msgspec.Struct, frozen=True, tag="evaluation", tag_field="of"):
    """A finished match. One block per opening: first places of the lone player in its rotations.

    `blocks[i]` of `rotations` games were won from opening i; `games = len(blocks) * rotations`. The
    lone player is the candidate, or with `reverse` the opponent.
    `distinct_games` counts different final positions: below 90 % the match is invalid.

    `openings[i]` is opening i's hash under symmetry and `finals[i]` holds the hashes of its games'
    final positions, all as 16 hex digits. `early`: a sequential test watched the match and could
    end it, with `verdict` "accepted" or "rejected", or "continue" when `openings` were too few.
    """

    opponent: str
    blocks: tuple[int, ...]
    rotations: int
    distinct_openings: int
    distinct_games: int
    seconds: float
    reverse: bool = False
    first_opening: int = 0
    openings: tuple[str, ...] = ()
    finals: tuple[tuple[str, ...], ...] = ()
    early: bool = False
    verdict: str | None = None


class Finished(msgspec.Struct, frozen=True, tag="finished", tag_field="line"):
    """The run ended well; `partial` when it was asked to stop and hands in what it has."""

    result: SelfplayDone | TrainingDone | EvaluationDone | None
    partial: bool = False


class Failed(msgspec.Struct, frozen=True, tag="failed", tag_field="line"):
    """The run ended badly, for this reason, in one sentence; nothing it did is a result."""

    reason: str


JobLine = Progress | Heartbeat | ShardWritten | Finished | Failed
