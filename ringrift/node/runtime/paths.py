"""Where a node keeps what: the layout of its data directory, and nothing else."""

from dataclasses import dataclass
from pathlib import Path

MAX_SOCKET_PATH = 107
"""Bytes of an AF_UNIX path on Linux, without the closing NUL (unix(7))."""


class PathError(ValueError):
    """A data directory that cannot be used: one sentence with the fix."""


@dataclass(frozen=True, slots=True)
class NodePaths:
    """Files of one node below its data directory."""

    data: Path

    @property
    def lock(self) -> Path:
        """Held by flock while a node lives here."""
        return self.data / "lock"

    @property
    def identity(self) -> Path:
        """Who this node is: id and boot counter."""
        return self.data / "identity.json"

    @property
    def log(self) -> Path:
        """The durable log of what was decided."""
        return self.data / "log"

    @property
    def tls(self) -> Path:
        """This node's key and certificates; absent on a node that is a cluster of its own."""
        return self.data / "tls"

    @property
    def seeds(self) -> Path:
        """Where voters were when this node joined; used until the state tells."""
        return self.data / "seeds.json"

    @property
    def blobs(self) -> Path:
        """Shards, datasets and weights by content hash."""
        return self.data / "blobs"

    @property
    def history(self) -> Path:
        """Events and games over time; rebuilt from the log when missing."""
        return self.data / "history.sqlite"

    @property
    def work(self) -> Path:
        """One directory for each claim that a child works on."""
        return self.data / "work"

    @property
    def socket(self) -> Path:
        """The operators' Unix socket."""
        return self.data / "node.sock"

    @property
    def logs(self) -> Path:
        """The node's own words, rotated."""
        return self.data / "node.jsonl"


def data_directory(profile: str, given: Path | None) -> Path:
    """Return the data directory: the given one, or the profile's under ~/.local/share/ringrift.

    Raises `PathError` when a Unix socket could not be bound in it.
    """
    stem = Path(profile).stem if profile.endswith(".toml") else profile
    data = given or Path.home() / ".local" / "share" / "ringrift" / stem
    data = data.expanduser().absolute()
    length = len(bytes(NodePaths(data).socket))
    if length > MAX_SOCKET_PATH:
        raise PathError(
            f"the data directory {data} is too long for a Unix socket in it "
            f"({length} bytes, at most {MAX_SOCKET_PATH}); choose a shorter one with --data"
        )
    return data
