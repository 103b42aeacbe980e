"""What a node keeps on its own disk beside the log: blobs by content, history to draw.

A child writes a file, `blobs` checks its hash and takes it over; only then is it registered in the
log. What another node made is fetched when it is needed: `sources` (pure) says whom to ask,
`receiving` has it from one node into an `incoming` file, `fetch` drives them for all who ask;
`push` sends what was made by a node that nobody can reach.

`history` follows the log's feed into SQLite and hands every event on to those who watch.
"""
