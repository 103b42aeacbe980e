"""The first screen: pipeline, work, configurations, nodes and loops, each a listing of its own."""
