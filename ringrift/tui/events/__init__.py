"""The third screen: what happened, newest last, with a filter."""
