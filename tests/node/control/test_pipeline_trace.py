"""Every controller together, with a worker that always succeeds: the trace of decisions is pinned.

`golden/pipeline.txt` is meant to be read: it tells how games become networks and champions. After a
wanted change, `UPDATE_GOLDEN=1 pytest tests/node/control/test_pipeline_trace.py` writes it anew.
"""

import os
from pathlib import Path

from cluster_support import CONFIG, SELFPLAY_DONE, Ledger, match, sha, shard, trained

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.work import EvaluationWork, Outcome, SelfplayWork, TrainingWork
from ringrift.node.control import evaluation, eviction, populator, promotion, training
from ringrift.node.runtime.settings import PipelineSettings, PromotionSettings

GOLDEN = Path(__file__).with_name("golden") / "pipeline.txt"
PIPELINE = PipelineSettings(training_min_new_games=192)
# Match results of each generation against random, the heuristic and the champion of its day.
STRENGTHS = {
    1: {"random-1": (2, 6, 12), "heuristic-1": (16, 4, 0)},
    2: {"random-1": (0, 2, 18), "heuristic-1": (6, 8, 6), "champion": (1, 5, 14)},
    3: {"random-1": (0, 0, 20), "heuristic-1": (5, 8, 7), "champion": (6, 9, 5)},
    4: {"random-1": (12, 6, 2), "heuristic-1": (20, 0, 0), "champion": (19, 1, 0)},
    5: {"random-1": (0, 0, 20), "heuristic-1": (0, 1, 19), "champion": (0, 3, 17)},
}


class Laptop:
    """One node with two slots: controllers decide, then whatever was claimed is completed."""

    def __init__(self) -> None:
        self.ledger = Ledger.founded()
        self.populator = populator.Populator(PIPELINE)
        self.shards = 0
        self.lines: list[str] = []

    def control(self) -> None:
        state, queue = self.ledger.state, self.populator
        for decide in (
            lambda: queue.decide(state, 2),
            lambda: training.trigger(state, PIPELINE),
            lambda: evaluation.evaluate(state, PIPELINE),
            lambda: promotion.decide(state, PromotionSettings()),
            lambda: promotion.choose_generators(state),
            lambda: eviction.evict(state, 1e9, 0),
        ):
            for command in decide():
                self.lines.append("  leader: " + described(command))
                self.ledger.do(command)

    def work(self) -> None:
        claimed = self.ledger.claim(slots=2)
        for number in claimed.items:
            item = self.ledger.state.work.rows[number]
            outcome: Outcome = SELFPLAY_DONE
            match item.payload:
                case SelfplayWork(weights=weights):
                    self.lines.append(f"  worker: 64 games by {short(weights)}")
                    for _ in range(2):
                        self.shards += 1
                        facts = shard(1000 + self.shards)
                        self.ledger.do(
                            c.RegisterShard(item=number, claim=claimed.claim, shard=facts)
                        )
                case TrainingWork():
                    generation = self.ledger.state.configs.rows[CONFIG].generation + 1
                    outcome = trained(sha(generation))
                    self.lines.append(f"  worker: generation {generation} trained")
                case EvaluationWork(candidate=candidate, opponent=opponent):
                    outcome = self.played(candidate, opponent)
            self.ledger.do(c.CompleteWork(item=number, claim=claimed.claim, outcome=outcome))

    def played(self, candidate: str, opponent: str) -> Outcome:
        generation = self.ledger.state.models.rows[candidate].generation
        strength = STRENGTHS[min(generation, max(STRENGTHS))]
        histogram = strength.get(opponent) or strength["champion"]
        wins = histogram[1] + 2 * histogram[2]
        self.lines.append(
            f"  worker: {short(candidate)} won {wins} of 40 against {short(opponent)}"
        )
        return match(*histogram)


def short(name: str | None) -> str:
    """A model of these tests by its generation, anything else by its name."""
    if name is None:
        return "untrained"
    return f"generation {int(name, 16)}" if len(name) == 64 else name


def described(command: c.Command) -> str:
    match command:
        case c.AddWork(payload=TrainingWork(shards=shards, parent=parent, new_rows=rows)):
            return f"fit on {len(shards)} shards, {rows} new rows, from {short(parent)}"
        case c.AddWork(payload=EvaluationWork(candidate=candidate, opponent=opponent)):
            return f"match of {short(candidate)} against {short(opponent)}"
        case c.AddWork(payload=SelfplayWork(games=games)):
            return f"selfplay of {games} games"
        case c.SetGenerator(model=model, reason=reason):
            return f"generator {short(model)}: {reason}"
        case c.Promote(model=model, verdict=verdict) | c.Reject(model=model, verdict=verdict):
            return f"{verdict.decision} {short(model)}: {verdict.reason}"
        case _:
            return type(command).__name__


def test_the_pipeline_decides_as_pinned() -> None:
    laptop = Laptop()
    for tick in range(1, 21):
        laptop.lines.append(f"tick {tick}")
        laptop.control()
        laptop.work()
        laptop.ledger.state.check()
    trace = "\n".join(laptop.lines) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(trace, encoding="utf-8")
    assert trace == GOLDEN.read_text(encoding="utf-8")
