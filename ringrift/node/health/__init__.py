"""How well the machine and the installation are: pure judgements of handed-in measurements.

`memory` turns percentages into tiers, with patience both ways; `resilience` makes the one score
that the sentinel shows, with its terms and its formula in words; `agreement` finds copies of the
state that are not like the others.
"""
