"""Every message and view that crosses a process boundary, as msgspec structs, and nothing else.

`job` is spoken between a node and its compute children, `views` is what a node shows, `actions`
is what an operator may ask of it, `events` is what happened. `log` and `raft` are spoken by voters,
`gossip` and `peer` by all nodes; `join` and `rejoin` hold what people carry from one machine to
another as one `word`. Nothing here has behaviour beyond
encoding, so that any two processes of different versions can be compared by reading one folder.
"""
