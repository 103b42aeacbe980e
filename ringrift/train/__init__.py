"""From games to a stronger player, on one machine and without a cluster.

An `evaluator` (a `network` with its `weights`) and the engine feed `search`; `selfplay` turns
searched games into shards (`records`) and hands unfinished ones on (`carry`). `export` replays a
shard into rows once, `combine` joins the newest of them to the `dataset` of a fit; `fit` goes on
from the weights, their average and the optimiser that the fit before left (`learner`) with
`batches` of drawn rows, and publishes a candidate; `together` does so in several processes. `arena`
plays the candidate in blocks of one opening in every seat rotation. From the blocks (`blocks`) come
bounds, from all matches a `rating`, from both a verdict (`promotion`). `job` is the child process
that runs any of these for a node.

`blocks`, `rating` and `promotion` are pure decisions on measured numbers and import neither torch
nor numba: the node uses them in its own process. All else computes and belongs in a child.
"""
