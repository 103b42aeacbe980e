"""What each command does to the tables: the rules that span more than one of them.

Every function takes the tables, its command and where in the log it stands, and returns an Effect.
Whatever is wrong with the wish is a `Refused`; an assertion means that the state itself is broken.
`every` says which function is for which command.
"""
