"""How commands become agreed, durable entries: the log on disk and the replica that drives it.

A command enters by `Replica.propose`, is appended to the `log` (checksummed, synced), is applied to
the `ClusterState` in log order, and leaves as a result to its proposer and as an `Applied` on every
`feed`. `entry` and `replica` are the interfaces, `single` is a quorum of one; Raft takes its place
without moving anything else.
"""
