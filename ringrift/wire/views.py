"""What a node shows to anybody who may look: the bodies of its GET routes.

A figure that is not known is None, never a zero or a default. Ages are seconds before `at`, so that
a reader never compares two machines' clocks.
"""

from typing import Literal

import msgspec

Figure = int | float | str | None
NodeMode = Literal["active", "draining", "drained"]
ConfigMode = Literal["active", "paused"]
LoopState = Literal["starting", "running", "backing-off", "crash-looping", "stopped"]
StageState = Literal["idle", "running", "waiting", "blocked"]
WorkState = Literal["pending", "claimed", "completed", "failed", "cancelled"]
ModelStatus = Literal["candidate", "generator", "champion", "rejected", "retired"]


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every view: frozen, keyword-only, tolerant of fields from a newer node."""


class LoopView(View, frozen=True):
    """One supervised loop, controller or feedback loop of this node."""

    name: str
    state: LoopState
    healthy: bool | None
    reason: str
    interval_s: float | None
    last_run_age_s: float | None
    runs: int
    failures: int
    restarts: int
    figures: dict[str, Figure] = {}


class StageView(View, frozen=True):
    """One of the seven pipeline stages, by what is happening in it now."""

    name: str
    state: StageState
    reason: str
    last_done_age_s: float | None
    figures: dict[str, Figure] = {}


class ProgressView(View, frozen=True):
    """The newest progress line of the child working on an item."""

    done: int
    total: int
    unit: str
    rate: float | None
    age_s: float


class WorkView(View, frozen=True):
    """One work item."""

    id: int
    kind: str
    config: str
    state: WorkState
    priority: int
    attempts: int
    max_attempts: int
    node: str | None
    claim: int | None
    summary: str
    error: str | None
    age_s: float | None
    progress: ProgressView | None = None


class RatingView(View, frozen=True):
    """Maximum-likelihood rating on the scale of its config's one anchor, with its error."""

    elo: float | None
    standard_error: float | None
    games: int


class MatchView(View, frozen=True):
    """All games of one model against one opponent; bounds are 95 %, over blocks."""

    opponent: str
    games: int
    wins: int
    openings: int
    score: float
    low: float
    high: float


class CheckView(View, frozen=True):
    """One line of a promotion checklist: what was required, what was found."""

    name: str
    required: str
    actual: str
    passed: bool | None


class VerdictView(View, frozen=True):
    """A decision on a candidate and every reason for it."""

    decision: Literal["promoted", "rejected", "undecided"]
    against: str | None
    checks: tuple[CheckView, ...]


class TrainingView(View, frozen=True):
    """How a network was trained."""

    rows: int
    rows_drawn: int
    steps: int
    reuse: float
    policy_loss: float
    value_loss: float
    holdout_policy_loss: float | None
    holdout_value_loss: float | None
    seconds: float


class ModelView(View, frozen=True):
    """One network: where it comes from, how strong it is, what was decided about it."""

    sha256: str
    config: str
    generation: int
    parent: str | None
    status: ModelStatus
    games_seen: int
    age_s: float | None
    rating: RatingView
    matches: tuple[MatchView, ...]
    verdict: VerdictView | None
    training: TrainingView | None


class ConfigView(View, frozen=True):
    """One of the twelve configurations: what is wanted of it and what it has."""

    name: str
    mode: ConfigMode
    games: int
    shards: int
    full_rows: int
    games_per_s: float | None
    generation: int
    generator: str | None
    champion: str | None
    champion_rating: RatingView | None
    games_since_training: int


class NodeView(View, frozen=True):
    """One machine: what is wanted of it and, if it is alive, what it observes now.

    `items` are those it works on by the queue; `alive` is None where this node cannot know.
    """

    id: str
    name: str
    votes: bool
    items: int
    mode: NodeMode
    restart_generation: int
    alive: bool | None
    age_s: float | None
    version: str | None
    slots: int | None
    slots_busy: int | None
    cpu_percent: float | None
    memory_percent: float | None
    memory_pressure_tier: str | None
    disk_free_bytes: int | None
    loop_lag_ms: float | None
    gpus_busy_percent: tuple[float, ...] = ()
    sick_loops: tuple[str, ...] | None = None


class MemberView(View, frozen=True):
    """One who belongs to the cluster, or did: a machine or a person.

    `alive` is None where this node cannot know; `addresses` are as host:port.
    """

    id: str
    name: str
    role: str
    machine: bool
    votes: bool
    revoked: bool
    alive: bool | None
    mode: str
    version: str | None
    addresses: tuple[str, ...]


class StatusView(View, frozen=True):
    """GET /status: the whole node on one page."""

    at: float
    cluster: str
    node_id: str
    name: str
    version: str
    profile: str
    pid: int
    uptime_s: float
    leader_id: str | None
    term: int
    voter_quorum_ok: bool
    voters: tuple[str, ...]
    alive_peers: int
    commit_index: int
    applied_index: int
    applied_age_s: float | None
    state_digest: str
    healthy: bool | None
    reason: str
    stages: tuple[StageView, ...]
    loops: tuple[LoopView, ...]
    members: tuple[MemberView, ...]
    nodes: tuple[NodeView, ...]
    configs: tuple[ConfigView, ...]
    work_counts: dict[str, int]
    work: tuple[WorkView, ...]


class ModelsView(View, frozen=True):
    """GET /models[?config=…]: every network and rated baseline, oldest first."""

    at: float
    anchor: str
    anchor_elo: float
    models: tuple[ModelView, ...]
    baselines: dict[str, dict[str, RatingView]]


class EventView(View, frozen=True):
    """One event as streamed by GET /events (server-sent, newline JSON in `data:`) and recorded.

    `seq` counts events of one node since its data directory was founded; `index` is the log entry
    that caused it, if any; `fields` are the event's own.
    """

    seq: int
    at: float
    name: str
    config: str | None
    node: str | None
    index: int | None
    text: str
    fields: dict[str, Figure] = {}


class EventsView(View, frozen=True):
    """GET /events/recent[?limit=…&after=…]: the newest recorded events, oldest first."""

    events: tuple[EventView, ...]


class ErrorView(View, frozen=True):
    """The body of every 4xx and 5xx: one sentence that names the field and the fix."""

    error: str


class SentinelView(View, frozen=True):
    """GET :8790/status, from the parent that keeps a node alive.

    `resilience_score` is 0…1, None while the node does not answer; `components` are its terms,
    `formula` says how they were weighed, and `resilience_level` names the score.
    """

    node_pid: int | None
    node_alive: bool
    node_answers: bool
    restarts: int
    last_exit: str | None
    last_restart_age_s: float | None
    resilience_score: float | None
    resilience_level: str | None
    components: dict[str, float | None]
    formula: str
    memory_pressure_tier: str | None
    memory_percent: float | None
