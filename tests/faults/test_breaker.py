"""The circuit breaker, moment by moment."""

from __future__ import annotations

from evalsuite.backends.lane.breaker import Breaker


def fail_half(breaker: Breaker, until: float) -> float:
    """Every second call fails, ten a second; when the breaker opened, or `until`."""
    now = 0.0
    while now < until and not breaker.open:
        now += 0.1
        breaker.ended(now, round(now * 10) % 2 == 0)
    return now


def test_half_of_all_calls_failing_opens_it_and_all_wait() -> None:
    breaker = Breaker()
    now = fail_half(breaker, 20.0)
    assert breaker.open
    assert 5.0 <= now < 10.0
    assert breaker.delay(now) > 4.0
    assert breaker.openings == 1


def test_three_in_ten_failing_never_opens_it() -> None:
    breaker = Breaker()
    for step in range(1_000):
        breaker.ended(step / 10, step % 10 >= 3)
    assert not breaker.open


def test_a_few_probes_go_and_good_ones_close_it() -> None:
    breaker = Breaker()
    now = fail_half(breaker, 20.0) + 5.1
    for _ in range(3):
        assert breaker.delay(now) == 0.0
        breaker.sent()
    assert breaker.delay(now) == float("inf")
    for _ in range(3):
        breaker.ended(now, True)
    assert not breaker.open
    assert breaker.delay(now) == 0.0


def test_failing_probes_lengthen_the_pause() -> None:
    breaker = Breaker()
    now = fail_half(breaker, 20.0) + 5.1
    for _ in range(3):
        breaker.sent()
        breaker.ended(now, False)
    assert breaker.openings == 2
    assert round(breaker.delay(now)) == 10


def test_a_single_caller_whose_every_attempt_fails_opens_it_too() -> None:
    breaker = Breaker()
    for step in range(9):
        breaker.ended(float(step), False)
    assert breaker.open
