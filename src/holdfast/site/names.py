"""The names a site file gives to things, each checked for where it will be used."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from holdfast.site.errors import Refused, shown
from holdfast.site.table import text_to

LONGEST_DNS_NAME = 253

HOST = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
LINUX = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
DATABASE_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,31}")
CONTROL = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\.[a-z0-9]+(-[a-z0-9]+)*")
DNS_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?")
EMAIL_LOCAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Accounts and groups of a fresh Debian or Ubuntu, and of the services Holdfast handles.
SYSTEM_NAMES = _words(
    """
    root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc
    gnats nobody nogroup messagebus sshd syslog uuidd tcpdump landscape pollinate ntp ntpsec
    polkitd mysql mariadb postgres redis monit certbot nginx apache debian-exim tss
    fwupd-refresh adm tty disk kmem dialout fax voice cdrom floppy tape sudo wheel audio dip
    operator src shadow utmp video sasl plugdev staff users input sgx kvm render crontab
    docker lxd holdfast ssl-cert _apt _ssh _chrony halt shutdown
    """
)
SYSTEM_PREFIXES = ("systemd-", "holdfast-")
SYSTEM_DATABASES = frozenset(
    {
        "mysql",
        "information_schema",
        "performance_schema",
        "sys",
        "postgres",
        "template0",
        "template1",
    }
)
SYSTEM_DATABASE_USERS = frozenset(
    {"root", "mysql", "mariadb", "postgres", "default", "public", "debian-sys-maint"}
)


def site_name(text: str) -> str:
    """The site's own name: it names files, certificates and subjects of mails."""
    return _matching(HOST, text, "a site's name", "use small letters, digits and hyphens")


def host_name(text: str) -> str:
    """A host's name in the file, not in the DNS: `app`, `db-1`."""
    if text == "@local":
        raise Refused("@local is reserved", "it means the machine Holdfast runs on; name the host")
    return _matching(HOST, text, "a host's name", "use small letters, digits and hyphens")


def linux_name(text: str) -> str:
    """A login name that is free on a fresh server."""
    _matching(LINUX, text, "a Linux user name", "use small letters, digits, _ and -, at most 32")
    if text in SYSTEM_NAMES or text.startswith(SYSTEM_PREFIXES):
        raise Refused(
            f"{shown(text)} is an account or group of the system", "use a name of its own"
        )
    return text


def database_name(text: str) -> str:
    """A database's name, plain enough to need no quoting rules of any engine."""
    _matching(DATABASE, text, "a database's name", "use letters, digits and _, at most 63")
    if text.lower() in SYSTEM_DATABASES:
        raise Refused(f"{shown(text)} is a database of the server itself", "name your own")
    if text.lower() == "test" or text.lower().startswith("test_"):
        raise Refused(
            f"{shown(text)} is dropped by db.secure-install, as every test database",
            "choose a name that does not begin with test",
        )
    return text


def database_user(text: str) -> str:
    """A database user's name, short enough for every engine."""
    _matching(
        DATABASE_USER, text, "a database user's name", "use letters, digits, _ and -, at most 32"
    )
    if text.lower() in SYSTEM_DATABASE_USERS:
        raise Refused(
            f"{shown(text)} is an account of the database server", "give the application its own"
        )
    return text


def control_id(text: str) -> str:
    """A control's id: `ssh.second-factor`."""
    return _matching(CONTROL, text, "a control's id", 'write it in quotes: "ssh.second-factor"')


def dns_name(text: str) -> str:
    """A DNS name in its canonical, small form; an international one in its `xn--` form."""
    name = text.lower()
    labels = name.split(".")
    if not text.isascii():
        raise Refused(f"{shown(text)} is not a DNS name in ASCII", "write its xn-- form")
    if name.startswith("*."):
        raise Refused("a name with * needs a certificate by DNS", "write each name")
    if len(name) > LONGEST_DNS_NAME or not all(map(DNS_LABEL.fullmatch, labels)):
        raise Refused(f"{shown(text)} is not a DNS name", 'write one like "todo.example.com"')
    if labels[-1].isdigit():
        raise Refused(f"{shown(text)} is neither a DNS name nor an IP address", "mend the address")
    return name


def email(text: str) -> str:
    """An e-mail address, plain enough to be an argument of a command."""
    local, _, domain = text.rpartition("@")
    if not EMAIL_LOCAL.fullmatch(local):
        raise Refused(f"{shown(text)} is not an e-mail address", 'write one like "ops@example.com"')
    return f"{local}@{dns_name(domain)}"


def absolute_path(text: str) -> PurePosixPath:
    """A folder or file on a host."""
    path = PurePosixPath(text)
    if not text.startswith("/") or text.startswith("//") or ".." in path.parts:
        raise Refused(f"{shown(text)} is not an absolute path", "begin it with / and leave out ..")
    if len(path.parts) < 2:
        raise Refused("the whole file system is meant", "name a folder in it")
    return path


def _matching(form: re.Pattern[str], text: str, what: str, mend: str) -> str:
    if not form.fullmatch(text):
        raise Refused(f"{shown(text)} is not {what}", mend)
    return text


SiteName = Annotated[str, AfterValidator(site_name)]
HostName = Annotated[str, AfterValidator(host_name)]
LinuxName = Annotated[str, AfterValidator(linux_name)]
DatabaseName = Annotated[str, AfterValidator(database_name)]
DatabaseUserName = Annotated[str, AfterValidator(database_user)]
ControlId = Annotated[str, AfterValidator(control_id)]
DnsName = Annotated[str, AfterValidator(dns_name)]
Email = Annotated[str, AfterValidator(email)]
HostPath = Annotated[PurePosixPath, BeforeValidator(text_to(absolute_path))]
