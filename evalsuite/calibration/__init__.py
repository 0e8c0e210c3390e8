"""Judges against people: ratings, figures with intervals, certificates and what they are worth.

A judge is believed as far as it was measured. Files are read and written in `journal` and by the
modules that are named for them; the rest is pure but for `consulting`, which asks judges.
"""
