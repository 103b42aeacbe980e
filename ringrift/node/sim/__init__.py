"""The simulator: whole clusters in one thread, with all that may go wrong, decided by a seed.

    story         one seed, from founding to the last comparison
    core_tier     plays it with the pure machines alone: `Run(seed, size).play()`
    driver_tier   plays it with the drivers of production, under trio's virtual clock
    campaign      many seeds, in several processes

The cluster is the production code. What it stands on is virtual: `agenda` (time), `network`, `disk`
(a crash may rob it of everything that was not synced) and `drift` (clocks). A `machine` has a disk
and a clock, and while it lives a `process`, which drives `Host` and `Storage` by hand, or a
`driven` one, which is the `Voter` of production; `desk` takes clients' wishes, `steward` ends what
expired, `reporter` tells the rules. `client`s wish what their `habits` say (`asks`: what is said
between them), `faults` are planned from the seed and strike through `calamity`, at times at
`moments` when a process has just promised something. `checkers` are the rules; `trace` tells people
what happened; `scheduling` makes trio's own order part of the seed. `words`
puts what Raft says into words.
"""
