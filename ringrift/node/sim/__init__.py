"""The simulator: whole clusters in one thread, with all that may go wrong, decided by a seed.

    core_tier   one seed: `Run(seed, size).play()`
    campaign    many seeds, in several processes

The cluster is the production code. What it stands on is virtual: `agenda` (time), `network`, `disk`
(a crash may rob it of everything that was not synced) and `drift` (clocks). A `machine` has a disk
and a clock, and a `process` while it lives, which drives the production `Host` and `Storage`; its
`desk` takes clients' wishes, its `steward` ends what expired. `client`s wish what their `habits`
say (`asks`: what is said between them), `faults` are planned from the seed and strike through
`calamity`. `checkers` are the rules; `trace` tells people what happened.

`script` and `lockstep` are for the scenario scripts: Raft machines alone, moved by hand; `words`
puts what they say into words.
"""
