"""One peer of the fleet: it agrees on what should be done, does its part and shows what it does.

`app` is the composition root and reads like a table of contents; nothing else knows everybody.
What was decided travels one way: a proposal enters the log (`consensus`), the log feeds the state
machine (`cluster`), and its feed wakes whoever acts on it: the worker, the controllers (`control`),
the history (`data`) and the views that `net` serves. What a node merely observes (its children,
its loops, its memory) never enters the log; it is read from the supervisor and the worker when a
view is built. Computing happens in child processes only (`worker`), never here.
"""
