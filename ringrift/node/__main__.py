"""``python -m ringrift.node``: the bare node, without the sentinel that would restart it."""

import gc
import sys
from collections.abc import Sequence
from functools import partial

import trio

from ringrift.node.arguments import node_options
from ringrift.node.cluster.snapshot import SnapshotError
from ringrift.node.consensus.log import LogCorruptError
from ringrift.node.keeper import EXIT_REFUSED
from ringrift.node.life import run
from ringrift.node.net.discovery.static import StaticError
from ringrift.node.net.pki import CertificateError
from ringrift.node.net.server import BindError
from ringrift.node.runtime.disk import DiskFullError
from ringrift.node.runtime.paths import PathError
from ringrift.node.runtime.settings import SettingsError

EXIT_FAILED = 1
"""A failure that may pass: the sentinel tries again."""
REFUSALS = (
    SettingsError,
    PathError,
    BindError,
    LogCorruptError,
    SnapshotError,
    CertificateError,
    StaticError,
)


def main(arguments: Sequence[str]) -> int:
    """Run a node; a reason why it cannot run is one sentence on stderr and exit code 2."""
    # What was imported lives as long as the process: 75,000 objects that every full collection of
    # garbage would go through, for 40 ms in which the event loop stands still.
    gc.collect()
    gc.freeze()
    try:
        return trio.run(partial(run, node_options(arguments)))
    except REFUSALS as error:
        sys.stderr.write(f"ringrift: {error}\n")
        return EXIT_REFUSED
    except DiskFullError:
        sys.stderr.write("ringrift: the disk is full; make room in the data directory's disk\n")
        return EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
