"""From games to a stronger player, on one machine and without a cluster.

An `evaluator` (a `network` with its `weights`) and the engine feed `search`; `selfplay` turns
searched games into shards (`records`) and hands unfinished ones on (`carry`). `export` replays a
shard into rows once, `combine` joins the newest of them to the `dataset` of a fit; `fit` goes on
from the weights, their average and the optimiser that the fit before left (`learner`) with
`batches` of drawn rows, and publishes a candidate; `together` does so in several processes. `arena`
plays it from `openings` in blocks of one opening in every seat rotation (`evaluation` is that as a
job). From the blocks (`blocks`) come bounds and a sequential test (`sequential`), from all matches
a `rating` of everybody (`identity`) and its `velocity`, from all of them a verdict (`promotion`).
`results` keeps the raw matches, so that every stated figure can be computed again. `feedback`
answers measured signals. `job` is the child process that runs any job for a node.

`blocks`, `sequential`, `promotion`, `identity`, `rating`, `velocity` and `results` are pure
decisions on measured numbers and import neither torch nor numba: the node uses them in its own
process. All else computes and belongs in a child.
"""
