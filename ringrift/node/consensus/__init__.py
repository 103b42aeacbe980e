"""How commands become agreed, durable entries, and how every node comes to hold them.

    raft/        the pure machine: messages, time and confirmations in, one `Ready` out
    host         Raft, the state it feeds, proposals and snapshots: pure, too
    chores       what a host asks of its disk; `performer` does it, `storage` (log, vote, snapshots)
                 is where it goes
    voter        the trio driver of a host: one task turns it, one uses the disk
    follower     a node without a vote: its state comes by the feed, its proposals go to the leader
    feed         the newest applied entries, read by any number of cursors

`replica` is what the rest of a node sees: `Voter` and `Follower` are both one. A proposal enters by
`proposer` (one session for all who live in a process), `session` (numbers, so that each command
runs once) and `patient` (asks again through elections). DESIGN.md says why the log is as it is.
"""
