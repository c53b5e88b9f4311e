"""Chance: every way that a policy's draws may go, and so how probable a call was."""

from routelab.core.chance.branches import Branches
from routelab.core.chance.script import ScriptedContext

__all__ = ["Branches", "ScriptedContext"]
