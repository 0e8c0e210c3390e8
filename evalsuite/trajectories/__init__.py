"""Tool calls against a reference: which were made, in which order, how many, and what went wrong.

    naming.py     `ev.trajectory`, the scorer that a suite names
    reference.py  a case's reference trajectory, and equal calls
    measures.py   reference, calls -> values
    faults.py     reference, calls, finish reason -> the class of what went wrong

The package is not called `trajectory`: it would hide the scorer of that name in `evalsuite`.
docs/tools.md has the formulas, their sources and the edge cases.
"""
