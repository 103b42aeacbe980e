"""A machine at work, made up but consistent: the views that the cockpit's tests look at."""

import msgspec

from ringrift.wire.views import (
    CheckView,
    ConfigView,
    EventView,
    LoopView,
    MatchView,
    MemberView,
    ModelStatus,
    ModelsView,
    ModelView,
    NodeView,
    ProgressView,
    RatingView,
    StageView,
    StatusView,
    TrainingView,
    VerdictView,
    WorkView,
)

NOW = 1_764_000_000.0
CONFIG = "hex8_2p"


def sha(number: int) -> str:
    return f"{number * 2654435761 % 2**32:08x}" * 8


def loop(name: str, *, healthy: bool | None = True, reason: str = "", age: float = 0.4) -> LoopView:
    return LoopView(
        name=name,
        state="running" if healthy is not False else "backing-off",
        healthy=healthy,
        reason=reason,
        interval_s=1.0,
        last_run_age_s=age,
        runs=8123,
        failures=0 if healthy is not False else 3,
        restarts=0 if healthy is not False else 3,
        figures={"interval_s": 1.0},
    )


LOOPS = (
    loop("replica", reason="every proposal durable within 2 ms"),
    loop("populator", reason="2 selfplay items wanted, 2 open"),
    loop("training", reason="hex8_2p has 128 of 200 new games"),
    loop("evaluation", reason="nothing waits"),
    loop("promotion", reason="nothing waits"),
    loop("leases", reason="2 claims held, none late"),
    loop("worker", reason="2 of 2 slots busy"),
    loop("http", reason="1 operator attached"),
    loop("history", healthy=False, reason="the disk took 1,204 ms for one commit", age=6.0),
    loop("watchdog", healthy=None, reason="no lag measured yet"),
)

STAGES = (
    StageView(
        name="SELFPLAY",
        state="running",
        reason="1 item running, 2 pending",
        last_done_age_s=41.0,
        figures={"games": 1284, "games_per_s": 1.94},
    ),
    StageView(
        name="SYNC",
        state="idle",
        reason="one node: every shard is already here",
        last_done_age_s=None,
        figures={"shards": 41},
    ),
    StageView(
        name="NPZ_EXPORT",
        state="idle",
        reason="part of training item 57",
        last_done_age_s=312.0,
        figures={"rows": 61200},
    ),
    StageView(
        name="NPZ_COMBINATION",
        state="idle",
        reason="part of training item 57",
        last_done_age_s=312.0,
        figures={},
    ),
    StageView(
        name="TRAINING",
        state="waiting",
        reason="128 of 200 new games",
        last_done_age_s=268.0,
        figures={"generation": 6},
    ),
    StageView(
        name="EVALUATION",
        state="running",
        reason="generation 6 against champion",
        last_done_age_s=73.0,
        figures={"games": 240},
    ),
    StageView(
        name="PROMOTION",
        state="waiting",
        reason="generation 6 lacks the match against the champion",
        last_done_age_s=522.0,
        figures={"promoted": 3, "rejected": 2},
    ),
)


def work(
    number: int, kind: str, summary: str, progress: ProgressView | None, **changes: object
) -> WorkView:
    values: dict[str, object] = {
        "id": number,
        "kind": kind,
        "config": CONFIG,
        "state": "claimed" if progress else "pending",
        "priority": 5,
        "attempts": 1 if progress else 0,
        "max_attempts": 3,
        "node": "anvil" if progress else None,
        "claim": 800 + number if progress else None,
        "summary": summary,
        "error": None,
        "age_s": 31.0,
        "progress": progress,
    }
    return WorkView(**(values | changes))  # pyright: ignore[reportArgumentType]


WORK = (
    work(
        61,
        "selfplay",
        "64 games with generation 6",
        ProgressView(done=40, total=64, unit="games", rate=1.94, age_s=0.5),
    ),
    work(
        62,
        "evaluation",
        "generation 6 against champion",
        ProgressView(done=11, total=40, unit="games", rate=2.6, age_s=0.8),
    ),
    work(63, "selfplay", "64 games with generation 6", None),
    work(64, "selfplay", "64 games with generation 6", None, attempts=1),
)

MEMBER = MemberView(
    id="n-6f3a",
    name="anvil",
    role="voter",
    machine=True,
    votes=True,
    revoked=False,
    alive=True,
    mode="active",
    version="0.1.0",
    addresses=(),
)
NODE = NodeView(
    id="n-6f3a",
    name="anvil",
    votes=True,
    items=2,
    mode="active",
    restart_generation=1,
    alive=True,
    age_s=0.0,
    version="0.1.0",
    slots=2,
    slots_busy=2,
    cpu_percent=96.0,
    memory_percent=41.0,
    memory_pressure_tier="NORMAL",
    disk_free_bytes=182_400_000_000,
    loop_lag_ms=3.1,
)

CONFIGS = (
    ConfigView(
        name=CONFIG,
        mode="active",
        games=1284,
        shards=41,
        full_rows=15_300,
        games_per_s=1.94,
        generation=6,
        generator=sha(6),
        champion=sha(5),
        champion_rating=RatingView(elo=1674.0, standard_error=38.0, games=200),
        games_since_training=128,
    ),
    ConfigView(
        name="square8_3p",
        mode="paused",
        games=0,
        shards=0,
        full_rows=0,
        games_per_s=None,
        generation=0,
        generator=None,
        champion=None,
        champion_rating=None,
        games_since_training=0,
    ),
)

STATUS = StatusView(
    at=NOW,
    cluster="c-2b1e",
    node_id="n-6f3a",
    name="anvil",
    version="0.1.0",
    profile="laptop",
    pid=41207,
    uptime_s=1931.0,
    leader_id="n-6f3a",
    term=3,
    voter_quorum_ok=True,
    voters=("n-6f3a",),
    alive_peers=0,
    commit_index=1873,
    applied_index=1873,
    applied_age_s=0.2,
    state_digest="9c41b2aa",
    healthy=False,
    reason="loop history: the disk took 1,204 ms for one commit",
    stages=STAGES,
    loops=LOOPS,
    members=(MEMBER,),
    nodes=(NODE,),
    configs=CONFIGS,
    work_counts={"pending": 2, "claimed": 2, "completed": 58, "failed": 1, "cancelled": 0},
    work=WORK,
)


change = msgspec.structs.replace
ELSEWHERE = change(
    NODE,
    items=0,
    restart_generation=0,
    age_s=1480.0,
    slots=None,
    slots_busy=None,
    cpu_percent=None,
    memory_percent=None,
    memory_pressure_tier=None,
    disk_free_bytes=None,
    loop_lag_ms=None,
)
CLUSTER = change(
    STATUS,
    voters=("n-6f3a", "n-22c4", "n-91c0"),
    alive_peers=1,
    members=(
        change(MEMBER, addresses=("10.0.0.4:8775",)),
        change(MEMBER, id="n-22c4", name="bellows", addresses=("10.0.0.5:8775", "forge.lan:8775")),
        change(MEMBER, id="n-91c0", name="forge", alive=False, mode="draining"),
        change(MEMBER, id="n-b7d2", name="anvil", role="node", votes=False, alive=None),
        change(MEMBER, id="p-0d11", name="dana", role="operator", machine=False, votes=False,
               alive=None, version=None),
        change(MEMBER, id="n-0e0e", name="old", role="node", votes=False, revoked=True, alive=None),
    ),
    nodes=(
        NODE,
        change(ELSEWHERE, id="n-22c4", name="bellows", items=3),
        change(ELSEWHERE, id="n-91c0", name="forge", alive=False, mode="draining"),
        change(ELSEWHERE, id="n-b7d2", name="anvil", votes=False, alive=None, items=1),
    ),
    stages=tuple(
        change(stage, reason="no work here waits for others' files", figures={})
        if stage.name == "SYNC"
        else stage
        for stage in STAGES
    ),
    work=(*WORK, work(65, "training", "fit generation 7", None, state="claimed", node="n-22c4")),
)  # fmt: skip
"""Four machines: one leads and is asked, one is alive, one away, one unknown. And a person."""


def match(opponent: str, wins: int, low: float, high: float, games: int = 40) -> MatchView:
    return MatchView(
        opponent=opponent,
        games=games,
        wins=wins,
        openings=games // 2,
        score=wins / games,
        low=low,
        high=high,
    )


def verdict(promoted: bool, against: str, won: int) -> VerdictView:
    return VerdictView(
        decision="promoted" if promoted else "rejected",
        against=against,
        checks=(
            CheckView(
                name="against random", required="≥ 85.0 %", actual="37 of 40 (92.5 %)", passed=True
            ),
            CheckView(
                name="against heuristic",
                required="≥ 60.0 %",
                actual="29 of 40 (72.5 %)",
                passed=True,
            ),
            CheckView(
                name="against champion",
                required="lower bound > 50.0 %",
                actual=f"{won} of 40 ({won / 40:.1%})",
                passed=promoted,
            ),
        ),
    )


def model(
    generation: int,
    status: ModelStatus,
    elo: float | None,
    error: float | None,
    matches: tuple[MatchView, ...],
    decision: VerdictView | None,
) -> ModelView:
    return ModelView(
        sha256=sha(generation),
        config=CONFIG,
        generation=generation,
        parent=sha(generation - 1) if generation > 1 else None,
        status=status,
        games_seen=200 * generation,
        age_s=1900.0 - 270.0 * generation,
        rating=RatingView(elo=elo, standard_error=error, games=sum(m.games for m in matches)),
        matches=matches,
        verdict=decision,
        training=TrainingView(
            rows=2550 * generation,
            rows_drawn=10_200,
            steps=40,
            reuse=3.98,
            policy_loss=2.9 - 0.11 * generation,
            value_loss=0.66 - 0.02 * generation,
            holdout_policy_loss=2.95 - 0.1 * generation,
            holdout_value_loss=0.67 - 0.02 * generation,
            seconds=21.4,
        ),
    )


MODELS = ModelsView(
    at=NOW,
    anchor="random-1",
    anchor_elo=1200.0,
    models=(
        model(
            1,
            "retired",
            1318.0,
            44.0,
            (match("random-1", 26, 0.50, 0.79), match("heuristic-1", 12, 0.18, 0.45)),
            verdict(True, "–", 30),
        ),
        model(
            2,
            "rejected",
            1301.0,
            41.0,
            (
                match("random-1", 25, 0.47, 0.77),
                match("heuristic-1", 13, 0.20, 0.48),
                match(sha(1), 19, 0.33, 0.62),
            ),
            verdict(False, sha(1), 19),
        ),
        model(
            3,
            "retired",
            1452.0,
            39.0,
            (
                match("random-1", 33, 0.68, 0.92),
                match("heuristic-1", 20, 0.36, 0.64),
                match(sha(1), 29, 0.57, 0.85),
            ),
            verdict(True, sha(1), 29),
        ),
        model(
            4,
            "rejected",
            1476.0,
            38.0,
            (
                match("random-1", 34, 0.71, 0.94),
                match("heuristic-1", 22, 0.40, 0.69),
                match(sha(3), 22, 0.40, 0.69),
            ),
            verdict(False, sha(3), 22),
        ),
        model(
            5,
            "champion",
            1674.0,
            38.0,
            (
                match("random-1", 37, 0.81, 0.98),
                match("heuristic-1", 29, 0.57, 0.84),
                match(sha(3), 28, 0.55, 0.83),
            ),
            verdict(True, sha(3), 28),
        ),
        model(
            6,
            "generator",
            1702.0,
            61.0,
            (match("random-1", 38, 0.84, 0.99), match("heuristic-1", 30, 0.60, 0.87)),
            None,
        ),
    ),
    baselines={
        CONFIG: {
            "random-1": RatingView(elo=1200.0, standard_error=0.0, games=240),
            "heuristic-1": RatingView(elo=1466.0, standard_error=33.0, games=240),
        }
    },
)


def event(seq: int, name: str, text: str, **values: object) -> EventView:
    config = None if name.startswith(("NODE", "LOOP", "EVENT")) else CONFIG
    base: dict[str, object] = {
        "seq": seq,
        "at": NOW - 2 * (312 - seq),
        "name": name,
        "config": config,
        "node": "anvil",
        "index": 1500 + seq,
        "text": text,
        "fields": {},
    }
    return EventView(**(base | values))  # pyright: ignore[reportArgumentType]


G5, G6 = sha(5)[:8], sha(6)[:8]
EVENTS = (
    event(294, "NODE_STARTED", "node anvil started (boot 2)"),
    event(295, "WORK_QUEUED", "selfplay #55 for hex8_2p queued"),
    event(296, "WORK_CLAIMED", "selfplay #55 for hex8_2p claimed by anvil"),
    event(297, "NEW_GAMES_AVAILABLE", "32 new games of hex8_2p (1156 in all)"),
    event(298, "TRAINING_COMPLETED", f"hex8_2p generation 5 trained: {G5} from 12750 rows"),
    event(299, "EVALUATION_COMPLETED", f"hex8_2p {G5} won 37 of 40 against random-1"),
    event(300, "EVALUATION_COMPLETED", f"hex8_2p {G5} won 29 of 40 against heuristic-1"),
    event(301, "EVALUATION_COMPLETED", f"hex8_2p {G5} won 28 of 40 against {sha(3)[:8]}"),
    event(302, "MODEL_PROMOTED", f"hex8_2p champion is now {G5}: all 3 checks passed"),
    event(303, "NEW_GAMES_AVAILABLE", "32 new games of hex8_2p (1188 in all)"),
    event(304, "WORK_RETURNED", "selfplay #58 for hex8_2p went back to the queue: drained"),
    event(305, "NEW_GAMES_AVAILABLE", "32 new games of hex8_2p (1220 in all)"),
    event(306, "LOOP_FAILED", "loop history failed: the disk took 1,204 ms for one commit"),
    event(307, "TRAINING_COMPLETED", f"hex8_2p generation 6 trained: {G6} from 15300 rows"),
    event(308, "GENERATOR_CHANGED", f"hex8_2p selfplay now uses {G6}: not shown worse"),
    event(309, "EVALUATION_COMPLETED", f"hex8_2p {G6} won 38 of 40 against random-1"),
    event(310, "EVALUATION_COMPLETED", f"hex8_2p {G6} won 30 of 40 against heuristic-1"),
    event(311, "NEW_GAMES_AVAILABLE", "32 new games of hex8_2p (1284 in all)"),
    event(312, "WORK_FAILED", "evaluation #54 for hex8_2p failed for good: no heartbeat for 20 s"),
)
