"""The accounts of the access matrix that are held to one command: sshd's side of it.

Each has a `Match User` block of its own, which makes the account harmless whatever else sshd is
told: it stands first, and the first value wins. Only AllowGroups and AllowUsers add up over all
blocks that match (seen on OpenSSH 9.2 and 10.0): the block adds the restricted accounts' group,
and AllowUsers, which nothing else sets, names account and addresses.

The blocks are written wherever the matrix gives the account a place, before the account exists:
an account that comes into being is restricted from its first moment, and a block whose account
is absent lets nobody in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from holdfast.servers.access import (
    ADMINS,
    MATRIX,
    RESTRICTED,
    SSH_PORT,
    Right,
    Row,
    next_hops,
    sources,
)
from holdfast.site import Host, Site

KEYS = "/etc/holdfast/keys"  # one file for each account, by its name; only root writes there

# What holds for every restricted account. sshd takes the first value, so each is said here.
HELD: Mapping[str, str] = {
    "AcceptEnv": "none",
    "AllowAgentForwarding": "no",
    "AllowStreamLocalForwarding": "no",
    "AuthenticationMethods": "publickey",
    "AuthorizedKeysCommand": "none",
    "AuthorizedKeysFile": f"{KEYS}/%u",
    "AuthorizedPrincipalsCommand": "none",
    "AuthorizedPrincipalsFile": "none",
    "GatewayPorts": "no",
    "HostbasedAuthentication": "no",
    "KbdInteractiveAuthentication": "no",
    "MaxSessions": "1",
    "PasswordAuthentication": "no",
    "PermitEmptyPasswords": "no",
    "PermitListen": "none",
    "PermitTTY": "no",
    "PermitTunnel": "no",
    "PermitUserRC": "no",
    "PubkeyAuthentication": "yes",
    "TrustedUserCAKeys": "none",
    "X11Forwarding": "no",
}
ADDING_UP = frozenset({"AllowGroups", "AllowUsers"})


def restricted_rows(host: Host, site: Site) -> tuple[Row, ...]:
    """Return the rows whose account has a place on this host and somewhere to come from."""
    rows = (row for row in MATRIX if row.command and row.place.includes(host))
    return tuple(row for row in rows if sources(row, host, site))


def block(row: Row, host: Host, site: Site) -> dict[str, str]:
    """Return what stands in an account's `Match User` block on this host."""
    hops = _hops(row, host, site)
    forwarding = (
        {"AllowTcpForwarding": "local", "PermitOpen": " ".join(hops)}
        if hops
        else {"AllowTcpForwarding": "no", "DisableForwarding": "yes", "PermitOpen": "none"}
    )
    users = (row.account if a is None else f"{row.account}@{a}" for a in sources(row, host, site))
    return {
        **HELD,
        **forwarding,
        "AllowGroups": RESTRICTED,
        "AllowUsers": " ".join(users),
        "ForceCommand": row.command,
    }


def blocks(host: Host, site: Site) -> dict[str, dict[str, str]]:
    """Return account → keyword → value, for each restricted account that has a place here."""
    return {row.account: block(row, host, site) for row in restricted_rows(host, site)}


def settings(host: Host, site: Site) -> dict[str, str]:
    """Return the blocks as keys of the resource `sshd`."""
    return {
        f"User {account} {keyword}": value
        for account, held in blocks(host, site).items()
        for keyword, value in held.items()
    }


def obeys(keyword: str, reported: Iterable[str], wanted: str) -> bool:
    """Whether `sshd -T` reports for an account what its block wants."""
    values = " ".join(reported).split()
    if keyword == "AllowGroups":
        return RESTRICTED in values and set(values) <= {RESTRICTED, ADMINS}
    if keyword in ADDING_UP:
        return set(values) == set(wanted.split())
    return " ".join(values) == wanted


def key_line(
    row: Row, key: str, host: Host, site: Site, origins: tuple[str, ...] | None = None
) -> str:
    """Return the line of a restricted account's key file: the key, held to the same once more.

    `origins` are the addresses of a key that comes from fewer places than its account.
    """
    found = sources(row, host, site) if origins is None else origins
    named = [address for address in found if address is not None]
    options = ["restrict", f'command="{row.command}"']
    if named and None not in found:
        options.append(f'from="{",".join(named)}"')
    hops = _hops(row, host, site)
    if hops:
        options += ["port-forwarding", *(f'permitopen="{hop}"' for hop in hops)]
    return f"{','.join(options)} {key}"


def _hops(row: Row, host: Host, site: Site) -> tuple[str, ...]:
    if Right.JUMP not in row.may:
        return ()
    written = (f"[{a}]" if ":" in a else a for a in next_hops(host, site))
    return tuple(f"{address}:{SSH_PORT}" for address in written)
