"""A game at the terminal: people and baseline players at one board.

`session` is the game with its seats and everything that a typed line can ask for; `choices` finds
the legal choices that a line or picked cells mean, `seats` the players on offer, `trace` turns a
game into a recorded one and back. `board` and `panel` draw a position and the account of its
seats; `view` joins them into a screen and understands keys. All of these are pure and are handed
lines, keys and sizes; `terminal` is the driver that owns the screen and the pipe.
"""
