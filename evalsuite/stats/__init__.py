"""Arrays in, named results out: the test, the bounds and the power of the gate, and what a judge
is worth against people.

Nothing here knows a case, a file or a clock. The generator is passed in, so equal data give equal
figures; what is undefined is None, never NaN, and no interval has zero width.
"""
