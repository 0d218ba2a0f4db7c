"""What the lab's servers are made of, as data."""

import hashlib

EDITION = 1
"""Raise it when the way a base is built changes, so that cached ones are built anew."""

RELEASES = ("bookworm", "trixie")
ROLES = ("app", "database", "backup", "outsider")
SITE_ROLES = ("app", "database", "backup")
"""Roles that make a host part of the site; an outsider is the attacker and is none of it."""

NEEDED_PROGRAMS = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "apt-ftparchive": "apt-utils",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "ssh-keygen": "openssh-client",
}
"""Programs that this machine needs, and the Debian package that brings each."""

BASE_PACKAGES = (
    "apt",
    "ca-certificates",
    "dbus",
    "iproute2",
    "libpam-systemd",
    "openssh-server",
    "procps",
    "python3",
    "systemd",
    "systemd-sysv",
)
"""What a provider's fresh server has beyond the essential packages."""

INSTALLABLE_PACKAGES = (
    "age",
    "apache2",
    "chrony",
    "cracklib-runtime",
    "debsums",
    "iptables",
    "libapache2-mod-auth-openidc",
    "libpam-google-authenticator",
    "libpam-pwquality",
    "lynis",
    "mariadb-client",
    "mariadb-server",
    "monit",
    "nftables",
    "pamtester",
    "python3",
    "sudo",
    "ufw",
    "unattended-upgrades",
    "zstd",
)
"""What `apply` and the tests can install from the local repository, dependencies included."""

ENABLED_UNITS = ("systemd-networkd.service",)
MASKED_UNITS = (
    "console-getty.service",
    "dev-hugepages.mount",
    "systemd-journal-catalog-update.service",
    "systemd-networkd-wait-online.service",
    "systemd-update-utmp-runlevel.service",
)
"""Units that only slow a container's boot down."""

ROLE_PACKAGES = {"database": ("mariadb-server",)}
ROLE_FILES = {
    "database": {
        "etc/mysql/mariadb.conf.d/60-listen.cnf": "[mysqld]\nbind-address = *\n",
    }
}
"""A database server as careless people leave it: it listens on every address."""


def digest() -> str:
    """Names one way of making servers; a cached base is used only for its own."""
    facts = (
        EDITION,
        BASE_PACKAGES,
        INSTALLABLE_PACKAGES,
        ENABLED_UNITS,
        MASKED_UNITS,
        sorted(ROLE_PACKAGES.items()),
        sorted((role, sorted(files.items())) for role, files in ROLE_FILES.items()),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:10]
