"""The one thing a host needs before a hand can run there."""

from __future__ import annotations

from holdfast.servers.fleet import ROOT, Fleet
from holdfast.servers.session_errors import SessionError

INSTALL_S = 600.0


async def install_python(fleet: Fleet, host: str) -> None:
    """Install python3 with apt, at first contact. Raises SessionError."""
    sudo = [] if fleet.first_login == ROOT else ["sudo", "-n"]
    async with fleet.session(host, fleet.first_login) as session:
        for argv in (["apt-get", "-qy", "update"], ["apt-get", "-qy", "install", "python3"]):
            done = await session.run([*sudo, *argv], timeout_s=INSTALL_S)
        if done.status != 0:
            raise SessionError(
                f"{host}: apt-get could not install python3 (status {done.status}); "
                "install it by hand, then apply again"
            )
