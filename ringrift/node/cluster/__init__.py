"""The replicated state: what the cluster decided, as one deterministic state machine.

`commands` (of operators: `operations`) go in as log entries through `ClusterState.apply`, which has
one of the `transitions` run; `results` and events come out. One file a table: `charter`, `members`,
`tokens`, `sessions`, `configs`, `queue` (rows in `work`, derived orders in `listing`), `models`,
`shards`, `audit`. `snapshot` turns the whole into checksummed chunks and back, `checks` says what
must hold in it. Rows are frozen and replaced, never edited, so that a shallow copy of the tables is
a consistent picture; none can be part of a cycle, so the garbage collector is not told of them.
Nothing here reads a clock, a disk, a set's order or a random number, and no float takes part in a
decision.
"""
