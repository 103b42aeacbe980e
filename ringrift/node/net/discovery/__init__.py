"""Where other nodes of this cluster may be found: hints, never liveness and never identity.

Who answers at an address is proven by its certificate after the connection stands, and told back to
the book. `hints` (pure) is that book: what was seen where, and what to try next. `static` (pure)
reads the places an operator wrote down, `announcement` (pure) what others say of themselves on the
local network, `own` finds the addresses that this node can say of itself. `mdns` and `tailscale`
are the two sources that are asked again and again; `discovery` runs them and fills the book.
"""
