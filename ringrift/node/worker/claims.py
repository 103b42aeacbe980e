"""Where the work on one claim happens, and what an earlier life left in such places.

    work/<item>-<claim>/child.json       the child's pid and the moment it was started
    work/<item>-<claim>/out/*.shard      finished shards that the log may not know of yet
    work/exports/<config>/               rows of shards that fits have replayed

Everything here blocks; the driver runs it off the event loop.
"""

import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from ringrift.node.cluster.shards import ShardFacts
from ringrift.node.data.blobs import BlobStore
from ringrift.node.worker.supplies import fetched_from_here
from ringrift.train.records import read_shard

CHILD_FILE = "child.json"
OUT, EXPORTS = "out", "exports"
NOBODY = 0
"""The item, and the claim, of games that nobody asked for: those of `Autonomy`."""


class ChildRecord(msgspec.Struct, frozen=True):
    """Which process works here. A pid alone could be another's after a while."""

    pid: int
    started: float


@dataclass(frozen=True, slots=True)
class Workplace:
    """Who works, where, and with what.

    `mint_run_id` gives 32 fresh hex digits a call; `publish` has a blob where others can fetch it,
    however long that takes.
    """

    node_id: str
    boot: int
    directory: Path
    command: tuple[str, ...]
    blobs: BlobStore
    mint_run_id: Callable[[], str]
    publish: Callable[[str], Awaitable[None]] = fetched_from_here

    @property
    def exports(self) -> Path:
        """Rows of shards for the fits of this node; whatever is missing is made anew."""
        return self.directory / EXPORTS


@dataclass(frozen=True, slots=True)
class ClaimPlace:
    """The directory of one claim."""

    item: int
    claim: int
    directory: Path

    @property
    def out(self) -> Path:
        """Where the child writes."""
        return self.directory / OUT

    def make(self) -> None:
        """Create the directory, empty."""
        self.remove()
        self.out.mkdir(parents=True)

    def remove(self) -> None:
        """Delete the directory and all in it."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self.directory)

    def note_child(self, pid: int) -> None:
        """Record the child, so that a later life can tell it from a stranger."""
        with suppress(psutil.NoSuchProcess):
            record = ChildRecord(pid, psutil.Process(pid).create_time())
            (self.directory / CHILD_FILE).write_bytes(msgspec.json.encode(record))

    def signal_child(self, number: signal.Signals) -> bool:
        """Signal the recorded child if it still runs; return whether it does."""
        try:
            content = (self.directory / CHILD_FILE).read_bytes()
            record = msgspec.json.decode(content, type=ChildRecord)
            process = psutil.Process(record.pid)
            if process.create_time() != record.started:
                return False
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            os.killpg(record.pid, number)
        except (FileNotFoundError, msgspec.DecodeError, psutil.NoSuchProcess, ProcessLookupError):
            return False  # not recorded whole, or gone: nobody to signal
        return True

    def shards(self) -> list[Path]:
        """Finished shards that still lie here, oldest first."""
        return sorted(self.out.glob("*.shard"), key=lambda path: path.stat().st_mtime_ns)


def place_of(work: Path, item: int, claim: int) -> ClaimPlace:
    """Return the place of a claim, whether it exists or not."""
    return ClaimPlace(item, claim, work / f"{item}-{claim}")


def places(work: Path) -> Iterator[ClaimPlace]:
    """Yield every place there is; what is not named like one is left alone."""
    if not work.is_dir():
        return
    for directory in sorted(work.iterdir()):
        item, dash, claim = directory.name.partition("-")
        if dash and item.isdigit() and claim.isdigit():
            yield ClaimPlace(int(item), int(claim), directory)


def read_facts(path: Path) -> ShardFacts:
    """Read a shard whole and describe it as its maker would have. Raises `RecordError`."""
    sha256 = path.stem
    header, games = read_shard(path, sha256)
    facts = ShardFacts(
        sha256=sha256,
        bytes=path.stat().st_size,
        config=header.config,
        run_id=header.run_id,
        first_game=header.first_game,
        games=header.games,
        decisions=sum(len(game.rows) for game in games),
        full_rows=sum(row.full for game in games for row in game.rows),
        steps=sum(len(game.moves) for game in games),
        source=header.source,
    )
    # What a file says is believed only within the bounds of the log.
    return msgspec.convert(msgspec.to_builtins(facts), ShardFacts)
