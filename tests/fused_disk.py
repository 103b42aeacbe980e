"""A disk whose power goes at a chosen step, for tests of what a crash may interrupt."""

from ringrift.node.sim.disk import MemoryDisk


class PowerCut(Exception):  # noqa: N818
    """The machine is gone; nothing more reaches the disk until it is started again."""


class FusedDisk(MemoryDisk):
    """Does `fuse` more changes, then raises PowerCut at each; None is no fuse.

    `steps` counts the changes that were done.
    """

    fuse: int | None = None
    steps: int = 0

    def _burn(self) -> None:
        if self.fuse is not None:
            if self.fuse == 0:
                raise PowerCut
            self.fuse -= 1
        self.steps += 1

    def append(self, name: str, data: bytes) -> None:
        self._burn()
        super().append(name, data)

    def truncate(self, name: str, size: int) -> None:
        self._burn()
        super().truncate(name, size)

    def fsync(self, name: str) -> None:
        self._burn()
        super().fsync(name)

    def rename(self, old: str, new: str) -> None:
        self._burn()
        super().rename(old, new)

    def remove(self, name: str) -> None:
        self._burn()
        super().remove(name)

    def fsync_dir(self) -> None:
        self._burn()
        super().fsync_dir()

    def crash(self) -> None:
        self.fuse = None
        super().crash()
