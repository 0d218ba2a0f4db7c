"""What a team protects: `holdfast.toml` as a checked, frozen `Site`."""

from holdfast.site.addresses import IPAddress, IPNetwork, Listen
from holdfast.site.admins import Admin
from holdfast.site.alerts import Alerts
from holdfast.site.apps import App, Authority, Certificate, OwnCertificate, Serve, Trial
from holdfast.site.backups import Backups, Keep
from holdfast.site.databases import Database, DatabaseUser, Engine
from holdfast.site.errors import Problem, Refused, SiteError
from holdfast.site.exceptions import ControlException
from holdfast.site.hosts import Host, Role
from holdfast.site.loading import load_site, parse_site
from holdfast.site.private_key import Protection, protection
from holdfast.site.profiles import PasswordProfile, Profiles
from holdfast.site.public_key import PublicKey
from holdfast.site.secrets import Secret, SecretKind, SecretRef, resolve
from holdfast.site.site import About, Site
from holdfast.site.web import Web, WebServer

__all__ = [
    "About",
    "Admin",
    "Alerts",
    "App",
    "Authority",
    "Backups",
    "Certificate",
    "ControlException",
    "Database",
    "DatabaseUser",
    "Engine",
    "Host",
    "IPAddress",
    "IPNetwork",
    "Keep",
    "Listen",
    "OwnCertificate",
    "PasswordProfile",
    "Problem",
    "Profiles",
    "Protection",
    "PublicKey",
    "Refused",
    "Role",
    "Secret",
    "SecretKind",
    "SecretRef",
    "Serve",
    "Site",
    "SiteError",
    "Trial",
    "Web",
    "WebServer",
    "load_site",
    "parse_site",
    "protection",
    "resolve",
]
