"""Targets that are no Python function: an HTTP endpoint, a command.

Both say the same way what is sent (a template) and where the answer is found in the reply (paths).
What the app itself got wrong is an outcome, `TargetError`; what keeps it from being asked is an
error, and never a score.
"""

from __future__ import annotations

from evalsuite.targets.command import command_target
from evalsuite.targets.http import http_target
from evalsuite.targets.reply import TargetError

__all__ = ["TargetError", "command_target", "http_target"]
