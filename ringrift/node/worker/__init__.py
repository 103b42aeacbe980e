"""Doing the cluster's work: claim an item, run a child that computes it, hand in what it did.

`slots` bounds how much runs at once, `jobs` turns a claimed item into the spec of a child,
`supplies` has the files here that it reads, `child` runs one and kills it when it goes quiet,
`lines` reads what it says. The `worker` drives them and proposes: every shard when it is written,
the outcome when it is done; `renewal` has the leader know that its claims live. `autonomy` plays on
when nobody leads. `leftovers` deals with what an earlier life of the node left behind.
"""
