"""The site: what a team protects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from holdfast.site.addresses import IPNetwork, Network
from holdfast.site.admins import Admin
from holdfast.site.alerts import Alerts
from holdfast.site.apps import App
from holdfast.site.backups import Backups
from holdfast.site.databases import Database, Engine
from holdfast.site.exceptions import ControlException
from holdfast.site.hosts import Host, Role
from holdfast.site.names import DnsName, SiteName
from holdfast.site.profiles import Profiles
from holdfast.site.table import Named, Table, distinct
from holdfast.site.web import Web

PATH = "\0path"
"""The key, an alias below, under which the site is told where its file is.

No TOML file that loads can hold it.
"""
OPERATOR = "\0operator"
"""Likewise: the admin who runs Holdfast now, which no site file says."""


class About(Table):
    """`[site]`: the site's name and domain, and where unattended runs come from."""

    name: SiteName
    domain: DnsName
    controllers: Annotated[tuple[Network, ...], AfterValidator(distinct)] = ()


class Site(Table):
    """Everything `holdfast.toml` says, checked; made by `load_site` or `parse_site`.

    Mappings are by name and in the order of the file.
    """

    path: Path = Field(alias="\0path")
    operator: str = Field(default="", alias="\0operator")
    about: About = Field(alias="site")
    admins: Named[Admin] = Field(default_factory=dict)
    hosts: Named[Host] = Field(default_factory=dict)
    databases: Named[Database] = Field(default_factory=dict)
    apps: Named[App] = Field(default_factory=dict)
    web: Web = Field(default_factory=Web)
    alerts: Alerts = Field(default_factory=Alerts)
    backups: Backups | None = None
    profiles: Profiles = Field(default_factory=Profiles)
    exceptions: Named[ControlException] = Field(default_factory=dict)

    def run_by(self, operator: str) -> Site:
        """This site as that admin works on it."""
        return self.model_copy(update={"operator": operator})

    @property
    def name(self) -> str:
        """The site's name."""
        return self.about.name

    @property
    def domain(self) -> str:
        """The site's domain."""
        return self.about.domain

    @property
    def controllers(self) -> tuple[IPNetwork, ...]:
        """Where unattended runs come from."""
        return self.about.controllers

    @property
    def folder(self) -> Path:
        """The folder of the site file; secrets' paths are relative to it."""
        return self.path.parent

    def hosts_with(self, role: Role) -> tuple[Host, ...]:
        """The hosts that have the role."""
        return tuple(host for host in self.hosts.values() if role in host.roles)

    def databases_on(self, host: str) -> tuple[Database, ...]:
        """The databases on the host of this name."""
        return tuple(database for database in self.databases.values() if database.host == host)

    def apps_on(self, host: str) -> tuple[App, ...]:
        """The applications on the host of this name."""
        return tuple(app for app in self.apps.values() if app.host == host)

    def database_port(self, engine: Engine) -> int:
        """The TCP port that a database server of this kind listens on."""
        return engine.port

    def way_to(self, host: str) -> tuple[Host, ...]:
        """The hosts that a connection to this one goes through, nearest to the admin first."""
        way: list[Host] = []
        through = self.hosts[host].through
        while through is not None:
            way.insert(0, self.hosts[through])
            through = self.hosts[through].through
        return tuple(way)

    def behind(self, host: str) -> tuple[Host, ...]:
        """The hosts that are reached through this one."""
        return tuple(other for other in self.hosts.values() if other.through == host)

    def exception_for(self, control_id: str, host: str) -> ControlException | None:
        """The exception for the control that covers the host, expired or not, if there is one."""
        exception = self.exceptions.get(control_id)
        return exception if exception is not None and exception.covers(host) else None
