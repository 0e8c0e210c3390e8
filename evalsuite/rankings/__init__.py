"""Retrieval against labelled documents: was what should be found found, and how far up.

    naming.py   `ev.ranking`, the scorer that a suite names
    metrics.py  grades by rank -> values

The package is not called `ranking`: it would hide the scorer of that name in `evalsuite`.
docs/retrieval.md has the formulas, their source and the edge cases.
"""
