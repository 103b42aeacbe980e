"""Prints the digest of the state made from the log in a directory: run by test_determinism."""

import sys
from pathlib import Path

from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.log import Log
from ringrift.node.runtime.disk import RealDisk

directory, incarnation = sys.argv[1:]
log = Log.recover(RealDisk(Path(directory)), bytes.fromhex(incarnation), sealed=0)
state = ClusterState()
for entry in log.entries(0):
    state.apply(entry)
print(state.index, state.digest())
