"""The rules that no run of a cluster may break, as observers that a simulation reports to.

    watch = Observer(now, voters)          `now` returns virtual seconds; `voters` found the cluster

Every call below may raise `Violation`. Calls come in the order in which things happen: that order,
not the clock, is what "before" means. Each costs O(1) or O(log n), a few microseconds.

    nodes     started wiped voted acknowledges became_leader decides sees_leader config_appended
              obeys truncated installed applied state renewed ends_claim
    clients   write_called read_called resent write_returned read_returned refused
              abandoned
    world     partitioned healed finished

`observer` documents each call and spreads it over the rules: `leaders` (one leader, and of each
node one vote, a term; what is acknowledged and counted), `history` (decided entries never change,
are applied in order, stay durable; equal digests), `sessions` (commands run once), `membership`,
`work`, `leases` (no claim ends early), `acknowledged`, `realtime` (linearizability) and `progress`
(nothing stuck after healing). An entry is judged by itself when a node applies it first; on every
other node it is only compared with that. `tally` counts what happened, by itself but for
`torn_tails` and `full_disk_recoveries`, which the simulation adds to `watch.tally`.
"""
