"""How a node is seen and asked: HTTP on loopback (looking only) and on its Unix socket (acting).

`views` builds the pictures from state and observations, `routes` serves them, `server` binds the
ports, `safe_server` keeps hostile bytes on a connection from ending the process, `probe` is how
the sentinel asks.
"""
