"""What a state of 100,000 rows costs: its snapshot, its way back, and the longest single step.

    .venv/bin/python benchmarks/state_rows.py [--scale 1.0]

Every table is filled to the most it holds (times `--scale`) with rows as a year of work would leave
them. Then the state is pictured, dumped and loaded chunk by chunk, as a voter does it under load.
Each call is timed, in seconds of the processor, so that other processes disturb the figures less:
none may keep an event loop for 50 ms. Exit status 1 when one does, or when the state is larger than
it may be.
"""

import argparse
import gc
import hashlib
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from ringrift.node.cluster.audit import MAX_LINES, AuditLine
from ringrift.node.cluster.commands import SetConfigMode, encode_command
from ringrift.node.cluster.configs import ConfigRow
from ringrift.node.cluster.members import MAX_MEMBERS, Abilities, Life, Member
from ringrift.node.cluster.models import MAX_MODELS, Check, Model, Verdict
from ringrift.node.cluster.results import Done
from ringrift.node.cluster.sessions import MAX_SESSIONS, WINDOW, Kept, Session
from ringrift.node.cluster.shards import MAX_SHARDS, Shard, ShardFacts, Totals
from ringrift.node.cluster.snapshot import Loader
from ringrift.node.cluster.state import MAX_STATE_BYTES, ClusterState
from ringrift.node.cluster.tokens import MAX_TOKENS, Token
from ringrift.node.cluster.work import (
    MAX_ITEMS,
    MAX_LIVE_ITEMS,
    Claim,
    EvaluationOutcome,
    Item,
    SelfplayOutcome,
    SelfplayWork,
    TrainingOutcome,
)
from ringrift.wire.log import Entry

T = TypeVar("T")

INCARNATION = "ab" * 16
CONFIGS = [f"{b}_{n}p" for b in ("hex8", "square8", "square19", "hexagonal") for n in (2, 3, 4)]
LONGEST_S = 0.05
NODES = 50


def sha(number: int) -> str:
    return hashlib.sha256(number.to_bytes(8, "big")).hexdigest()


def shard(number: int) -> Shard:
    facts = ShardFacts(
        sha256=sha(number), bytes=61_234, config=CONFIGS[number % 12],
        run_id=f"{number // 4:032x}", first_game=number % 4 * 32, games=32, decisions=1_900,
        full_rows=480, steps=2_100, source=sha(number % 1_000),
    )  # fmt: skip
    return Shard(
        facts=facts, index=number, at_ms=1_790_000_000_000, item=number, late=False,
        maker=f"node-{number % NODES}",
    )  # fmt: skip


def item(number: int, live: bool) -> Item:
    claim = None if live else Claim(number, f"node-{number % NODES}", 3, 1_790_000_000_000)
    payload = SelfplayWork(64, 32, 32, 32, 8, 8, 4, 0.25, sha(number % 1_000))
    return Item(
        id=number, config=CONFIGS[number % 12], priority=50 + number % 3, max_attempts=3,
        timeout_s=7_200, payload=payload, state="pending" if live else "completed", attempts=0,
        claim=claim, error=None, queued_at_ms=1_790_000_000_000,
        ended_at_ms=None if live else 1_790_000_100_000,
        outcome=None if live else SelfplayOutcome(64, 1_900, 31.5),
    )  # fmt: skip


def model(number: int) -> Model:
    fit = TrainingOutcome(
        model=sha(number), bytes=1_200_000, dataset=sha(number + 1), rows=200_000,
        rows_drawn=800_000, steps=12_500, reuse=4.0, policy_loss=2.1, value_loss=0.6,
        holdout_policy_loss=2.2, holdout_value_loss=0.61, parameters_changed=True, seconds=300.5,
    )  # fmt: skip
    match = EvaluationOutcome((3, 9, 8), 20, 40, 55.5)
    checks = (Check("better than random", "lower 95 % bound > 50.0%", "75.0% in 40 games", True),)
    return Model(
        sha256=sha(number), config=CONFIGS[number % 12], generation=number // 12,
        parent=sha(number - 1), index=number, at_ms=1_790_000_000_000, item=number,
        maker=f"node-{number % NODES}", games_seen=number, rows_seen=number, training=fit,
        matches={"random-1": match, "heuristic-1": match},
        verdict=Verdict("rejected", sha(1), checks, "not better than the champion"),
    )  # fmt: skip


def filled(scale: float) -> ClusterState:
    """A state whose tables are as full as they get."""
    state = ClusterState()
    count = lambda most: int(most * scale)  # noqa: E731
    abilities = Abilities(kinds=("selfplay",), slots=16, cores=16, memory_bytes=1 << 36, gpu="H100")
    life = Life(boot=3, nonce="0" * 32, version="0.1.0", supports=1, abilities=abilities)
    for number in range(count(MAX_MEMBERS)):
        name = f"node-{number}"
        state.members.rows[name] = Member(
            id=name, name=name, role="voter" if number < 7 else "node", key=sha(number), life=life,
            joined_at_ms=1_790_000_000_000,
        )  # fmt: skip
    for number in range(count(MAX_TOKENS)):
        token = Token(role="node", member=None, created_at_ms=1_790_000_000_000, lifetime_s=900)
        state.tokens.rows[sha(number)] = token
    for number in range(1, count(MAX_SESSIONS) + 1):
        kept = tuple(Kept(n, n, Done(f"selfplay #{n} is completed")) for n in range(1, 5))
        if number <= NODES:
            kept = tuple(Kept(n, n, Done(f"selfplay #{n} is done")) for n in range(1, WINDOW + 1))
        owner = f"node-{number}"
        row = Session(id=number, owner=owner, boot=3, last_index=kept[-1].index, kept=kept)
        state.sessions.rows[number] = row
    for number in range(1, count(MAX_MODELS) + 1):
        state.models.rows[sha(number)] = model(number)
    for number in range(count(MAX_SHARDS)):
        row = shard(number)
        state.shards.rows[row.facts.sha256] = row
        state.shards.entered(row.facts)
    for config in CONFIGS:
        own = [r.facts for r in state.shards.rows.values() if r.facts.config == config]
        state.shards.totals[config] = Totals(
            shards=len(own),
            games=sum(facts.games for facts in own),
            decisions=sum(facts.decisions for facts in own),
            full_rows=sum(facts.full_rows for facts in own),
            steps=sum(facts.steps for facts in own),
            bytes=sum(facts.bytes for facts in own),
        )
        state.configs.rows[config] = ConfigRow(name=config, mode="active", generation=900)
    items = count(MAX_ITEMS)
    for number in range(1, items + 1):
        row = item(number, live=number > items - count(MAX_LIVE_ITEMS))
        state.work.rows[number] = row
        state.work.entered(row)
    for number in range(1, count(MAX_LINES) + 1):
        line = AuditLine(1_790_000_000_000, "alice", "cancel_work item=4711", "is cancelled", False)
        state.audit.rows[number] = line
        state.audit.entered(number)
    state.index, state.term, state.voters = max(items, count(MAX_LINES)), 3, ("node-0",)
    return state


class Stopwatch:
    """The longest call of each name."""

    def __init__(self) -> None:
        self.longest: dict[str, float] = {}
        self.total: dict[str, float] = {}

    def __call__(self, name: str, function: Callable[[], T]) -> T:
        start = time.thread_time()
        result = function()
        took = time.thread_time() - start
        self.longest[name] = max(took, self.longest.get(name, 0.0))
        self.total[name] = self.total.get(name, 0.0) + took
        return result


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    holder = [filled(parser.parse_args().scale)]
    show(holder[0])
    watch = Stopwatch()
    chunks = dumped(holder[0], watch)
    copy = loaded(chunks, watch)
    assert copy.digest() == holder[0].digest()
    worked_on(copy, watch)
    watch("check everything (tests only)", copy.check)
    watch("let the old state go", holder.clear)
    print(f"{len(chunks)} chunks, {sum(map(len, chunks)) / 2**20:.1f} MiB")
    for name, longest in watch.longest.items():
        print(
            f"    {name:30} longest {longest * 1e3:7.2f} ms, all {watch.total[name] * 1e3:7.0f} ms"
        )
    too_long = [n for n, s in watch.longest.items() if s > LONGEST_S and "tests" not in n]
    return 1 if too_long or copy.size_bytes > MAX_STATE_BYTES else 0


def show(state: ClusterState) -> None:
    rows = sum(len(table) for table in state.tables().values())
    print(f"{rows} rows, {state.size_bytes / 2**20:.1f} MiB of {MAX_STATE_BYTES / 2**20:.0f}")
    for name, table in state.tables().items():
        print(
            f"    {name:9} {len(table):6} rows {table.bytes / max(1, len(table)):6.0f} bytes a row"
        )


def dumped(state: ClusterState, watch: Stopwatch) -> list[bytes]:
    gc.collect()
    dumping, chunks = watch("picture", lambda: state.snapshot(INCARNATION)), list[bytes]()
    while (chunk := watch("dump a chunk", lambda: next(dumping, None))) is not None:
        chunks.append(chunk)
    return chunks


def loaded(chunks: list[bytes], watch: Stopwatch) -> ClusterState:
    loader = Loader(INCARNATION)
    for chunk in chunks:
        watch("load a chunk", lambda chunk=chunk: loader.feed(chunk))
    return watch("take over", lambda: ClusterState.restored(loader))


def worked_on(state: ClusterState, watch: Stopwatch) -> None:
    command = encode_command(SetConfigMode(config="hex8_2p", mode="paused", by="alice"))
    for number in range(200):
        entry = Entry(state.index + 1, 3, 0, 1, 1_000 + number, command)
        watch("apply an entry", lambda entry=entry: state.apply(entry))
        watch("digest", state.digest)


if __name__ == "__main__":
    sys.exit(main())
