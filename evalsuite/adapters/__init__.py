"""Metrics of ragas and deepeval as scorers, computed by those libraries, asking our models.

    ragas.py, deepeval.py  the names that a suite uses; they load nothing
    naming.py              a metric as a suite names it
    binding.py             a metric bound to its library, models and cases; its scores
    fields.py              a case and an output as the fields that metrics know, and what they lack
    asking.py              what a metric asks, through the suite's models
    inside.py              what both libraries' sides share; runs in an environment of its own too
    inside_ragas.py        ragas: its switches, versions, metrics
    inside_deepeval.py     deepeval: the same
    process.py, child.py   the library in a process of its own, over JSON Lines: both ends

docs/adapters.md says how they are used, what is switched off, and where values differ.
"""
