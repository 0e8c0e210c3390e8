"""Arrays in, named results out: the test, the bounds and the power of the gate.

Nothing here knows a case, a file or a clock. The generator is passed in, so equal data give equal
figures; what is undefined is None, never NaN, and no interval has zero width.
"""
