"""What an earlier life left: children are ended, finished games registered, the rest cleared."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import trio

from ringrift.node.cluster.commands import Command, RegisterShard
from ringrift.node.cluster.results import Refused, ShardKept
from ringrift.node.consensus.replica import Proposed
from ringrift.node.data.blobs import BlobStore
from ringrift.node.runtime.blocking import InThreads
from ringrift.node.runtime.clock import SystemClock
from ringrift.node.runtime.settings import WorkerSettings
from ringrift.node.worker.claims import CHILD_FILE, NOBODY, ChildRecord, place_of, places
from ringrift.node.worker.leftovers import Leftovers
from ringrift.train.records import GameRecord, ShardHeader, write_shard

FAKE = Path(__file__).parents[1] / "fake_child.py"


class Home:
    def __init__(self, directory: Path) -> None:
        self.directory = directory / "work"
        self.blobs = BlobStore(directory / "blobs")
        self.proposed: list[RegisterShard] = []
        self.refuse = False
        self.published: list[str] = []

    async def publish(self, sha256: str) -> None:
        assert self.blobs.has(sha256)
        self.published.append(sha256)

    async def propose(self, command: Command) -> Proposed:
        assert isinstance(command, RegisterShard)
        self.proposed.append(command)
        kept = ShardKept(command.shard.sha256, late=True)
        return Proposed(1, Refused("it overlaps") if self.refuse else kept)

    async def clear(self) -> int:
        settings = WorkerSettings(stop_grace_s=0.3)
        with trio.fail_after(30):
            return await Leftovers(
                self, settings, SystemClock(), InThreads(2), self.propose
            ).clear()


def left_shard(out: Path, first_game: int, games: int = 3) -> Path:
    header = ShardHeader(
        config="hex8_2p", run_id="ab" * 16, first_game=first_game, games=games,
        source="untrained", full_simulations=8, full_considered=4, cheap_simulations=8,
        cheap_considered=4, full_fraction=0.5,
    )  # fmt: skip
    numbers = range(first_game, first_game + games)
    records = [GameRecord(n, ("a1", "b2"), 0, (1, 2), (), n, ("untrained",), 0) for n in numbers]
    return write_shard(out, header, records).path


async def test_finished_games_are_registered_for_the_claim_they_were_made_under(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    place = place_of(home.directory, 7, 12)
    place.make()
    left = [left_shard(place.out, 0), left_shard(place.out, 3)]
    assert await home.clear() == 6
    facts = [(c.item, c.claim, c.shard.first_game, c.shard.games) for c in home.proposed]
    assert facts == [(7, 12, 0, 3), (7, 12, 3, 3)]
    assert home.proposed[0].shard.steps == 6
    assert all(home.blobs.verify(path.stem) for path in left)
    assert list(places(home.directory)) == []


async def test_damaged_and_refused_games_are_not_counted(tmp_path: Path) -> None:
    home = Home(tmp_path)
    place = place_of(home.directory, 7, 12)
    place.make()
    damaged = left_shard(place.out, 0)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert await home.clear() == 0
    assert home.proposed == []
    place.make()
    left_shard(place.out, 0)
    home.refuse = True
    assert await home.clear() == 0


async def test_a_child_that_outlived_its_node_is_ended(tmp_path: Path) -> None:
    home = Home(tmp_path)
    place = place_of(home.directory, 7, 12)
    place.make()
    command = [sys.executable, str(FAKE), "deaf"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b'{"kind": "selfplay"}\n')
        child.stdin.flush()
        child.stdout.readline()  # deaf from here on
        place.note_child(child.pid)
        await home.clear()
        assert child.wait(10) == -9


async def test_a_stranger_with_the_childs_old_pid_is_left_alone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    place = place_of(home.directory, 7, 12)
    place.make()
    record = ChildRecord(pid=os.getpid(), started=1.0)
    (place.directory / CHILD_FILE).write_bytes(msgspec.json.encode(record))
    assert await home.clear() == 0


async def test_what_was_played_without_a_leader_is_left_to_who_plays_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    place = place_of(home.directory, NOBODY, 3)
    place.make()
    file = left_shard(place.out, 0)
    assert await home.clear() == 0
    assert file.exists()
    assert home.proposed == []


async def test_an_empty_and_a_foreign_directory_are_no_leftovers(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert await home.clear() == 0
    (home.directory / "notes").mkdir(parents=True)
    assert await home.clear() == 0
    assert (home.directory / "notes").is_dir()
