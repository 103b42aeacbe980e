"""How a node is seen and asked, by people and by its peers.

For people: HTTP on loopback (looking only) and on the Unix socket (acting). `views` builds the
pictures from state and observations, `routes` serves them, `server` binds the ports, `safe_server`
keeps hostile bytes on a connection from ending the process, `probe` is how the sentinel asks.

For peers: `pki` issues certificates, `credentials` keeps a node's own, `tls` opens and accepts
streams, `blob_routes` hands out files, `frames` (pure) turns bytes into messages, `link` carries
one stream, `mesh` keeps one to every peer that is wanted. `switchboard` hands what is said to whom
it concerns: the voter, the `clerk` (questions to a leader), `asking` and `gateway` (questions of
ours), `feeding` and `following` (the feed's two ends).
"""
