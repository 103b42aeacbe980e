"""How a node is seen and asked, by people and by its peers.

For people: HTTP on loopback (looking only), on the Unix socket (acting), and at the peers' port
behind `admittance`, which knows who may what. `views` builds the pictures from state and
observations, `routes` serves them, `server` binds the ports, `safe_server` keeps hostile bytes on a
connection from ending the process, `probe` is how the sentinel asks.

For peers: `pki` issues certificates, `joining` lets newcomers in, `credentials` keeps a node's own,
`renewal` has them renewed by others' `reissuing`, `tls` opens and accepts streams, `blob_routes`
hands out files, `frames` (pure) turns bytes into messages, `link` carries one stream, `mesh` keeps
one to every peer that is wanted. `switchboard` hands what is said to whom it concerns: the voter,
the `clerk` (questions to a leader, as far as `rights` go), `asking` and `gateway` (questions of
ours), `feeding` and `following` (the feed's two ends).
"""
