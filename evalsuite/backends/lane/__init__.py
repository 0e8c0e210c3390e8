"""One place for retries, pace, concurrency and the circuit breaker: all calls to one model behind
one endpoint and key go through its lane.

The SDKs' own retries are off: each of them would know one call, not the provider's limit, which
all calls share.
"""

from evalsuite.backends.lane.lane import ATTEMPTS, Lane, Resilient
from evalsuite.backends.lane.limits import Limits

__all__ = ["ATTEMPTS", "Lane", "Limits", "Resilient"]
