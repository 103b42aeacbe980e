"""Kill a run of learning, parent and children, at random moments; count every game afterwards.

    .venv/bin/python benchmarks/learn_kill_drill.py --out DIR --minutes 60 [--kills 10] [--seed 2]

Runs `ringrift learn` and, at moments drawn evenly over its compute time, sends SIGKILL to it and to
all its children, then starts it again. What had been acknowledged before a kill must be there after
it, word for word. At the end every acknowledged shard is read back: its hash must hold, and no two
of its games may have the same moves. Prints a line a kill and a summary; exit status 1 when a game
was lost or counted twice, or there was none.
"""

import argparse
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from ringrift.learn.events import Event, Kept
from ringrift.learn.journal import read_events
from ringrift.learn.progress import Progress, progress_of
from ringrift.train.records import read_shard


def events(directory: Path) -> list[Event]:
    journal = directory / "journal"
    return read_events(journal.read_bytes(), str(journal))[0] if journal.exists() else []


def progress(directory: Path) -> Progress | None:
    return progress_of(events(directory))


def start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def kill_all(parent: subprocess.Popen[bytes]) -> int:
    """SIGKILL to the parent and all below it; how many they were."""
    victims = psutil.Process(parent.pid).children(recursive=True)
    parent.send_signal(signal.SIGKILL)
    for victim in victims:
        victim.kill()
    parent.wait()
    psutil.wait_procs(victims)
    return 1 + len(victims)


def reached(directory: Path, parent: subprocess.Popen[bytes], at_s: float) -> bool:
    """Wait until so much compute time has passed; False when the run ended before."""
    while parent.poll() is None:
        there = progress(directory)
        left = at_s - (there.at_s if there is not None else 0.0)
        if left <= 0:
            return True
        time.sleep(max(1.0, left / 2))  # reading the journal takes time from the run
    return False


def count(kept: list[Kept], directory: Path) -> tuple[int, int]:
    """(games read back, games with moves of their own)."""
    games, moves = 0, set[tuple[str, ...]]()
    for shard in kept:
        records = read_shard(directory / "shards" / f"{shard.sha256}.shard", shard.sha256)[1]
        games += len(records)
        moves |= {record.moves for record in records}
    return games, len(moves)


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill a run of learning and count its games.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--config", default="hex8_2p")
    options = parser.parse_args()
    directory: Path = options.out
    command = [
        *(str(Path(sys.executable).parent / "ringrift"), "learn", "--config", options.config),
        *("--seed", str(options.seed), "--minutes", str(options.minutes), "--out", str(directory)),
    ]
    rng = random.Random(options.seed)
    moments = sorted(rng.uniform(0, 60 * options.minutes) for _ in range(options.kills))
    lost = kills = 0
    parent = start(command)
    for at_s in moments:
        if not reached(directory, parent, at_s):
            print(f"the run ended before the kill at {at_s:.0f} s", flush=True)
            break
        time.sleep(rng.uniform(0, 3))
        acknowledged = events(directory)
        processes = kill_all(parent)
        kills += 1
        after = events(directory)
        kept = [sum(e.games for e in seen if isinstance(e, Kept)) for seen in (acknowledged, after)]
        lost += after[: len(acknowledged)] != acknowledged
        print(
            f"kill {kills} at {at_s:.0f} s: {processes} processes, {kept[0]} games acknowledged "
            f"before, {kept[1]} after",
            flush=True,
        )
        parent = start(command)
    parent.wait()
    found = progress(directory)
    if found is None or parent.returncode != 0:
        print(f"the run ended with exit status {parent.returncode}")
        return 1
    games, distinct = count(found.shards, directory)
    print(
        f"{kills} kills, {found.at_s / 60:.1f} min of work: {found.games} games acknowledged, "
        f"{games} read back, {distinct} distinct; {found.clashes} shards refused as repeats, "
        f"{found.lost} games lost, {lost} histories changed"
    )
    whole = 0 < found.games == games == distinct  # a drill without a game shows nothing
    return int(bool(lost) or bool(found.lost) or not whole)


if __name__ == "__main__":
    sys.exit(main())
