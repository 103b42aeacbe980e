"""The cockpit: a terminal dashboard attached to one node through `ringrift.client`.

Views arrive from a `Source` (source.py) and are kept in `Seen` (seen.py); rows.py turns them into
rows of toned cells, text.py turns single figures into words. The same rows are drawn by the
widgets of each screen's folder (overview/, models/, events/) and, without Textual, by frame.py as
plain text. What an operator can do is one table, registry.py: keys, help and palette come from it.
"""
