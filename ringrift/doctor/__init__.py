"""The physician: what is wrong with this machine and how to mend it.

A check (check.py) is a value that looks and returns a `Finding`; one file a family of checks, each
measured value and threshold handed in so that a test can break it. `examine` (examine.py) runs all
of them at once; a check that crashes is a finding too. What is heavy (torch, the engine's kernels,
the log's code) is tried in a child process, by child.py.
"""
