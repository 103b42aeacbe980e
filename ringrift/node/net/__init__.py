"""How a node is seen and asked, by people and by its peers.

For people: HTTP on loopback (looking only), on the Unix socket (acting), and at the peers' port
behind `admittance`, which knows who may what. `views`, `model_views` and `stages` build the
`pictures` from state and what is `observed`, `metrics` puts them into Prometheus' words, `routes`
serves them behind `guard`, `actions` makes commands of wishes, `snapshot_route` hands out the whole
state. `server` binds the ports, `safe_server` keeps hostile bytes on a connection from ending the
process, `probe` is how the sentinel asks.

For peers: `pki` issues certificates, `credentials` keeps a node's own, `signing` is a voter's right
to give them to newcomers (`joining`) and to members (`reissuing`, which others' `renewal` asks).
`discovery` says where others may be, `anchors` (pure) through whom a node behind NAT is reached.
`tls` opens and accepts streams, `blob_routes` and `blob_intake` hand files out and take them in,
`frames` (pure) turns bytes into messages, `link` carries one stream, `mesh` keeps
one to every peer that is wanted. `switchboard` hands what is said to whom it concerns: the voter,
the `clerk` (questions to a leader, as far as `rights` go), `asking` and `gateway` (questions of
ours), `feeding` and `following` (the feed's two ends).
"""
