"""`ringrift match`: matches of fixed length, with raw results that anybody can recompute."""

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

from ringrift.cli.place import fail
from ringrift.cli.weights import weights_at

if TYPE_CHECKING:
    from ringrift.learn.match import Plan
    from ringrift.wire.job import EvaluationDone


_LONGEST_SEED = 64


def match(
    *,
    model: Annotated[Path, cyclopts.Parameter(help="Weights that are measured, .safetensors.")],
    against: Annotated[
        list[str], cyclopts.Parameter(help="Baselines or weights; may be given several times.")
    ],
    config: Annotated[str, cyclopts.Parameter(help="Board and seats.")] = "hex8_2p",
    openings: Annotated[int, cyclopts.Parameter(help="Each played in every seat rotation.")] = 100,
    simulations: Annotated[
        int, cyclopts.Parameter(help="Of each decision of a network; 0: its policy alone.")
    ] = 64,
    seed: Annotated[str, cyclopts.Parameter(help="Decides the openings.")] = "1",
    judge: Annotated[
        Path | None, cyclopts.Parameter(help="Weights that keep only even openings.")
    ] = None,
    out: Annotated[
        Path | None, cyclopts.Parameter(help="Folder whose matches.jsonl takes the raw results.")
    ] = None,
    cores: Annotated[
        int | None, cyclopts.Parameter(help="All that may be used if omitted.")
    ] = None,
) -> None:
    """Play, print each score with its 95 % bounds over openings, and keep the raw results."""
    import trio

    from ringrift.cli.cores import usable_cores
    from ringrift.engine.config import Config
    from ringrift.engine.errors import EngineError
    from ringrift.learn.children import LearnError
    from ringrift.learn.match import Matches, Plan
    from ringrift.node.runtime.clock import SystemClock
    from ringrift.train.results import ResultsError

    if cores is not None and cores < 1:
        fail(f"cores is {cores}; give 1 or more.", 2)
    _require_playable(openings, simulations, seed, against)
    try:
        board = Config.parse(config)
    except EngineError as error:
        fail(f"config: {error}", 2)
    if out is not None:
        _require_writable(out)
    measured = weights_at("model", model)
    judging = None if judge is None else weights_at("judge", judge)
    plans: list[Plan] = []
    names: list[str] = []
    for name in against:
        opponent = weights_at("against", Path(name)) if name.endswith(".safetensors") else name
        if opponent == measured:
            fail("against: a network cannot be measured against itself; name another.", 2)
        plan = Plan(board.name, measured, opponent, openings, simulations, seed, judging)
        both = directions(plan)
        plans += both
        names += [f"{name} alone" if each.reverse else name for each in both]
    counts = dict.fromkeys(range(len(plans)), 0)

    def told(number: int, games: int) -> None:
        if games // 20 > counts[number] // 20:
            counts[number] = games
            print(f"{names[number]}: {games} games", flush=True)

    def ended(number: int, done: "EvaluationDone") -> None:
        _tell(plans[number], names[number], done)
        if out is not None:
            try:
                keep(out, plans[number], done)
            except (ResultsError, OSError) as error:
                raise LearnError(f"out: the result cannot be kept ({error}).") from error

    with tempfile.TemporaryDirectory() as directory:
        matches = Matches(Path(directory), cores or usable_cores(), SystemClock(), told, ended)
        problem: str | None = None
        try:
            trio.run(matches.play, plans)
        except* KeyboardInterrupt:
            problem = "Interrupted; a match that was not over is not kept."
        except* LearnError as errors:
            problem = " ".join(str(error) for error in errors.exceptions)
        if problem is not None:
            fail(problem, 1)


def _require_playable(openings: int, simulations: int, seed: str, against: list[str]) -> None:
    """End the program for what a child would refuse, before anything is played."""
    from ringrift.engine.errors import EngineError
    from ringrift.train.player import check_baseline

    if openings < 20:
        fail(f"openings is {openings}; fewer than 20 show nothing.", 2)
    if simulations != 0 and not 2 <= simulations <= 4096:
        fail(f"simulations is {simulations}; it must lie in 2 to 4096, or be 0 for no search.", 2)
    if len(seed) > _LONGEST_SEED:
        fail(f"seed has {len(seed)} characters; it may have {_LONGEST_SEED}.", 2)
    try:
        for name in against:
            if not name.endswith(".safetensors"):
                check_baseline(name)
    except EngineError as error:
        fail(f"against: {error}", 2)


def directions(plan: "Plan") -> "list[Plan]":
    """The matches that measure one network against another, or against a baseline.

    With more than two seats networks meet both ways: to be alone among copies of the other is
    another game than to be the copies.
    """
    from ringrift.engine.config import Config

    two = Config.parse(plan.config).players == 2
    return [plan] if two or isinstance(plan.opponent, str) else [plan, replace(plan, reverse=True)]


def _require_writable(out: Path) -> None:
    from ringrift.train.results import ResultsError, require_whole

    try:
        require_whole(out / "matches.jsonl")
    except ResultsError as error:
        fail(f"out: {error}", 2)
    except OSError as error:
        fail(f"out: {out} cannot be written ({error.strerror}); choose another.", 2)


def _tell(plan: "Plan", name: str, done: "EvaluationDone") -> None:
    from ringrift.train.blocks import bounds, histogram_of

    share, low, high = bounds(histogram_of(done.blocks, done.rotations))
    games = len(done.blocks) * done.rotations
    measured = plan.candidate.sha256[:12]
    who = f"{name} against {measured}" if plan.reverse else f"{measured} against {name}"
    print(
        f"{who}: {share:.1%} [{low:.1%}, {high:.1%}] of {games} games, {done.distinct_openings} "
        f"distinct openings, {done.distinct_games} distinct games, {done.seconds:.0f} core seconds"
    )


def keep(out: Path, plan: "Plan", done: "EvaluationDone") -> None:
    """Append the raw result to `out`/matches.jsonl; raises ResultsError or OSError."""
    from ringrift.train.identity import RatedPlayer, search_hash
    from ringrift.train.player import match_settings
    from ringrift.train.results import append_raw, raw_match

    search = match_settings(plan.simulations)
    key = search_hash(search)
    lone = RatedPlayer(plan.config, plan.candidate.sha256, key)
    if isinstance(plan.opponent, str):
        others = RatedPlayer(plan.config, plan.opponent)
    else:
        others = RatedPlayer(plan.config, plan.opponent.sha256, key)
    if plan.reverse:
        lone, others = others, lone
    judge = None if plan.judge is None else plan.judge.sha256
    raw = raw_match(
        done, lone, others, {key: search}, seed=plan.seed, judge=judge, commit=_commit()
    )
    append_raw(out / "matches.jsonl", raw)


def _commit() -> str:
    """The commit of a checkout that this runs from; "unknown" where there is none."""
    here = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()
