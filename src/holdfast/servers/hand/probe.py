"""Which TCP and UDP ports answer, seen from this host."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Type

from .failed import Failed
from .probe_attempts import Attempts, Target, TcpAttempts
from .probe_udp import UdpAttempts

MOST_TARGETS = 4096
LONGEST_TIMEOUT_S = 30.0

Progress = Callable[[Dict[str, Any]], None]

PROTOCOLS: Dict[str, Type[Attempts]] = {"tcp": TcpAttempts, "udp": UdpAttempts}


def probe(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Try every [address, port] of `targets` by `protocol` and say what became of it.

    Addresses are IPv4 or IPv6 literals: a name would be resolved by this host's own resolver.
    Each attempt has `timeout_s` seconds. Returns `results`, in the order asked, of [address,
    port, outcome]: `open`, `refused`, `silent` (no answer in time) or `error: ` and the reason.
    """
    attempts, targets, timeout_s = _asked(request)
    outcomes = attempts(timeout_s).outcomes(targets)
    return {"results": [[*target, outcomes[target]] for target in targets]}


def _asked(request: dict[str, Any]) -> tuple[Type[Attempts], List[Target], float]:
    attempts = PROTOCOLS.get(str(request.get("protocol", "tcp")))
    if attempts is None:
        raise Failed(f"protocol is none of {', '.join(PROTOCOLS)}", "request")
    timeout_s = request.get("timeout_s", 1.0)
    if not isinstance(timeout_s, (int, float)) or not 0 < timeout_s <= LONGEST_TIMEOUT_S:
        raise Failed(f"timeout_s is not between 0 and {LONGEST_TIMEOUT_S:.0f}", "request")
    targets = request.get("targets")
    if not isinstance(targets, list) or len(targets) > MOST_TARGETS:
        raise Failed(f"targets is not a list of at most {MOST_TARGETS}", "request")
    return attempts, [_target(each) for each in targets], float(timeout_s)


def _target(value: object) -> Target:
    if isinstance(value, list) and len(value) == 2:
        address, port = value
        if isinstance(address, str) and type(port) is int and 0 < port < 65536:
            return address, port
    raise Failed("a target is not [address, port]", "request")
