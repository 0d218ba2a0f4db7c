"""Throw-away servers on this machine, to test on and to try things out: Debian 12 and 13."""

from holdfast.lab.commands import Outcome
from holdfast.lab.errors import LabError
from holdfast.lab.host import Host
from holdfast.lab.lab import HostSpec, HostStatus, Lab

__all__ = ["Host", "HostSpec", "HostStatus", "Lab", "LabError", "Outcome"]
