"""Sites and snapshots for pure tests."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.servers.snapshot import (
    Account,
    Apt,
    EffectiveSshd,
    FileState,
    Firewall,
    Kernel,
    Release,
    Snapshot,
    Sshd,
    Sudo,
    Unit,
)
from holdfast.site import Site, parse_site


def key_line(name: str) -> str:
    """Return a well-formed ed25519 public key line, made from a name."""
    secret = hashlib.sha256(name.encode()).digest()
    parts = (b"ssh-ed25519", secret)
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} {name}"


SITE = f"""
[site]
name = "todo"
domain = "todo.example.com"
controllers = ["198.51.100.7"]

[admins.alice]
keys = ["{key_line("alice")}"]

[hosts.app]
roles = ["app"]
address = "203.0.113.10"
private_address = ["10.0.0.11", "fd00::11"]

[hosts.db]
roles = ["database"]
address = "203.0.113.11"
private_address = ["10.0.0.12", "fd00::12"]

[databases.todo]
host = "db"
engine = "mariadb"
[databases.todo.users.todo]
from = ["app"]
grants = {{ "*" = ["SELECT"] }}
"""

DIRECT_SITE = (
    SITE
    + """
[apps.todo]
host = "app"
user = "todo"
names = ["todo.example.com"]
serve = "direct"
"""
)


def site(text: str = SITE, operator: str = "alice") -> Site:
    return parse_site(text, path=Path("/nowhere/holdfast.toml")).run_by(operator)


def file(content: str, mode: int = 0o644, owner: str = "root", group: str = "root") -> FileState:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return FileState(mode=mode, owner=owner, group=group, sha256=digest, content=content)


def account(uid: int, **changes: Any) -> Account:
    fields: dict[str, Any] = {
        "uid": uid,
        "gid": uid,
        "home": "/nonexistent",
        "shell": "/usr/sbin/nologin",
        "password": "locked",
        "expired": False,
        "groups": (),
        "key_files": {},
    }
    return Account(**(fields | changes))


SSHD_DEFAULTS: dict[str, tuple[str, ...]] = {
    "permitrootlogin": ("without-password",),
    "passwordauthentication": ("yes",),
    "kbdinteractiveauthentication": ("no",),
    "hostbasedauthentication": ("no",),
    "pubkeyauthentication": ("yes",),
    "authenticationmethods": ("any",),
    "permitemptypasswords": ("no",),
    "authorizedkeysfile": (".ssh/authorized_keys .ssh/authorized_keys2",),
    "allowagentforwarding": ("yes",),
    "x11forwarding": ("yes",),
    "maxauthtries": ("6",),
    "logingracetime": ("120",),
    "loglevel": ("INFO",),
    "compression": ("yes",),
    "tcpkeepalive": ("yes",),
    "clientaliveinterval": ("0",),
    "clientalivecountmax": ("3",),
    "strictmodes": ("yes",),
    "authorizedkeyscommand": ("none",),
    "trustedusercakeys": ("none",),
    "allowtcpforwarding": ("yes",),
    "allowstreamlocalforwarding": ("yes",),
    "disableforwarding": ("no",),
    "gatewayports": ("no",),
    "permitopen": ("any",),
    "permittunnel": ("no",),
    "requiredrsasize": ("1024",),
    "kexalgorithms": (
        "sntrup761x25519-sha512,curve25519-sha256,ecdh-sha2-nistp256,diffie-hellman-group14-sha256",
    ),
    "ciphers": ("chacha20-poly1305@openssh.com,aes256-ctr,aes256-gcm@openssh.com",),
    "macs": ("umac-64-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha1",),
    "hostkeyalgorithms": ("ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512",),
    "pubkeyacceptedalgorithms": (
        "ssh-ed25519,ecdsa-sha2-nistp256,sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512",
    ),
    "casignaturealgorithms": ("ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512",),
}


def sshd(settings: Mapping[str, tuple[str, ...]] | None = None, **changes: Any) -> Sshd:
    effective = tuple(
        EffectiveSshd(user=user, address=address, settings={**SSHD_DEFAULTS, **(settings or {})})
        for user in ("root", "holdfast-stranger")
        for address in ("127.0.0.1", "203.0.113.1")
    )
    fields: dict[str, Any] = {
        "version": "OpenSSH_9.2p1",
        "running": True,
        "socket_activated": False,
        "arguments": ("-D",),
        "changed": 100.0,
        "loaded": 200.0,
        "config_files": ("/etc/ssh/sshd_config",),
        "effective": effective,
        "host_keys": ("ssh-ed25519 SHA256:x", "ssh-rsa SHA256:y"),
    }
    return Sshd(**(fields | changes))


COMMON_PASSWORD = """\
# As of pam 1.0.1-6, this file is managed by pam-auth-update by default.
password\t[success=1 default=ignore]\tpam_unix.so obscure yescrypt
password\trequisite\t\t\tpam_deny.so
password\trequired\t\t\tpam_permit.so
"""
SU = """\
auth       sufficient pam_rootok.so

# Uncomment this to force users to be a member of group wheel before they can use su
# auth       required   pam_wheel.so
session       required   pam_env.so readenv=1
@include common-auth
@include common-account
"""
SU_LOGIN = "#%PAM-1.0\nauth\t\tinclude\t\tsu\naccount\t\tinclude\t\tsu\n"
PAM = {
    "/etc/pam.d/common-password": COMMON_PASSWORD,
    "/etc/pam.d/passwd": "@include common-password\n",
    "/etc/pam.d/su": SU,
    "/etc/pam.d/su-l": SU_LOGIN,
}
RUNS = Unit(active="active", enabled="enabled")
STATIC = Unit(active="inactive", enabled="static")  # what a timer starts
APT_UNITS = {
    "apt-daily.timer": RUNS,
    "apt-daily-upgrade.timer": RUNS,
    "apt-daily.service": STATIC,
    "apt-daily-upgrade.service": STATIC,
}


def snapshot(**changes: Any) -> Snapshot:
    """Return the snapshot of a fresh Debian 12 server; keyword arguments replace sections."""
    home = {"/root": file("", 0o700)}
    fields: dict[str, Any] = {
        "version": 1,
        "at": 1000.0,
        "seconds": 0.1,
        "privileged": True,
        "hostname": "app",
        "machine": "0" * 32,
        "boot": "0" * 8,
        "release": Release(id="debian", version="12", codename="bookworm", name="Debian"),
        "virtualisation": "none",
        "addresses": ("203.0.113.10", "10.0.0.11"),
        "packages": {"openssh-server": "1:9.2", "python3": "3.11"},
        "accounts": {
            "root": account(0, home="/root", shell="/bin/bash", key_files=home),
            "daemon": account(1),
        },
        "groups": {"root": ("root",), "sudo": ()},
        "files": {
            "/etc/ssh/sshd_config": file("Include /etc/ssh/sshd_config.d/*.conf\n"),
            "/etc/login.defs": file("UMASK\t\t022\n"),
            **{path: file(text) for path, text in PAM.items()},
        },
        "sshd": sshd(),
        "listeners": (),
        "firewall": Firewall(installed=False, base_chains=(), holdfast=None, forwarding=False),
        "sudo": Sudo(installed=False, policy={}),
        "units": {"ssh.service": RUNS, **APT_UNITS},
        "apt": Apt(settings={}),
        "kernel": Kernel(parameters={}),
        "evidence": (),
        "transactions": (),
    }
    return Snapshot(**(fields | changes))
