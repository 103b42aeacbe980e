"""The replicated state: what the cluster decided, as one deterministic state machine.

`commands` go in as log entries through `ClusterState.apply`, `results` and events come out. One
file a table: `sessions`, `members`, `configs`, `queue` (rows in `work`), `models`, `shards`;
`snapshot` turns the whole into checksummed chunks and back. Rows are frozen and replaced, never
edited, so that a shallow copy of the tables is a consistent picture. Nothing here reads a clock, a
disk, a set's order or a random number, and no float takes part in a decision.
"""
