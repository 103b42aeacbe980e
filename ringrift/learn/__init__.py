"""The whole loop on one machine without a server: play, train, evaluate, promote, again.

What happened is a sequence of events (`events`) in an append-only file (`journal`); what holds now
follows from them alone (`progress`), and so does what to do next (`plan`) and who plays and is
served (`gates`). `loop` carries it out with the same children that compute for a node, and `view`
says how it stands. A run that is killed at any moment goes on from its journal: what stands there
is kept, and what does not was never acknowledged.
"""
