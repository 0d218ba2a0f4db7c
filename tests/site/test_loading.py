from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from ipaddress import ip_address, ip_network
from pathlib import Path, PurePosixPath

import pytest

from holdfast.site import (
    Authority,
    Engine,
    OwnCertificate,
    PasswordProfile,
    Role,
    Serve,
    Site,
    SiteError,
    WebServer,
    load_site,
    parse_site,
)

MINIMAL = '[site]\nname = "todo"\ndomain = "todo.example.com"\n'
PATH = Path("holdfast.toml")


def test_the_site_table_is_read(site: Site) -> None:
    assert (site.name, site.domain) == ("todo", "todo.example.com")
    assert site.controllers == (ip_network("198.51.100.7"),)


def test_an_admin_is_read(site: Site) -> None:
    alice = site.admins["alice"]
    assert alice.name == "alice"
    assert alice.keys[0].comment == "alice@laptop"
    assert str(alice.sudo_password) == "command:pass show {host}/sudo"
    assert alice.totp is not None
    assert alice.totp.key == "admins.alice.totp"


def test_the_hosts_are_read_in_order(site: Site) -> None:
    assert list(site.hosts) == ["app", "db", "backup"]
    db = site.hosts["db"]
    assert (db.name, db.roles, db.through) == ("db", (Role.DATABASE,), "app")
    assert db.addresses == ("10.0.0.12",)
    assert db.private_addresses == (ip_address("10.0.0.12"),)
    assert site.hosts["backup"].quota_bytes == 200 * 10**9


def test_a_database_is_read(site: Site) -> None:
    todo = site.databases["todo"]
    assert (todo.name, todo.host, todo.engine) == ("todo", "db", Engine.MARIADB)
    user = todo.users["todo"]
    assert (user.name, user.from_hosts) == ("todo", ("app",))
    assert user.grants == {"*": ("SELECT", "INSERT", "UPDATE", "DELETE")}


def test_an_app_is_read(site: Site) -> None:
    app = site.apps["todo"]
    assert (app.name, app.host, app.user, app.database) == ("todo", "app", "todo", "todo")
    assert app.config == PurePosixPath("/etc/todo")
    assert str(app.listen) == "127.0.0.1:3000"
    assert (app.serve, app.certificate) == (Serve.PROXY, Authority.ACME)


def test_the_other_tables_are_read(site: Site) -> None:
    assert (site.web.server, site.web.email) == (WebServer.APACHE, "ops@example.com")
    assert [str(ref) for ref in site.alerts.to] == ["env:ALERT_URL"]
    assert site.alerts.quiet == (ip_network("198.51.100.0/24"),)
    assert site.backups is not None
    assert (site.backups.to, site.backups.keep.monthly) == ("backup", 12)
    assert site.backups.also == (PurePosixPath("/etc"), PurePosixPath("/srv/uploads"))
    assert site.profiles.passwords is PasswordProfile.NIST
    assert site.profiles.ports_of(Role.APP) == (8443,)
    assert site.profiles.ports_of(Role.BACKUP) == ()
    assert site.exceptions["ssh.second-factor"].until == date(2027, 3, 1)


def test_a_site_without_hosts_needs_no_admin() -> None:
    site = parse_site(MINIMAL, path=PATH)
    assert (dict(site.hosts), site.backups, site.alerts.to) == ({}, None, ())


def test_an_own_certificate_is_read(changed: Callable[..., str]) -> None:
    text = changed(
        (
            'certificate = "acme"',
            'certificate = { cert = "/etc/tls/c.pem", key = "/etc/tls/k.pem" }',
        )
    )
    app = parse_site(text, path=PATH).apps["todo"]
    assert isinstance(app.certificate, OwnCertificate)
    assert app.certificate.cert == PurePosixPath("/etc/tls/c.pem")
    assert app.certificate.key == PurePosixPath("/etc/tls/k.pem")


def test_addresses_may_be_lists_of_both_families_and_names(changed: Callable[..., str]) -> None:
    text = changed(
        (
            'address = "203.0.113.10"',
            'address = ["203.0.113.10", "2001:DB8::0:10", "App.Example.com"]',
        )
    )
    site = parse_site(text, path=PATH)
    assert site.hosts["app"].addresses == ("203.0.113.10", "2001:db8::10", "app.example.com")


def test_privileges_are_put_in_capitals(changed: Callable[..., str]) -> None:
    text = changed(('["SELECT", "INSERT", "UPDATE", "DELETE"]', '["select", "lock  tables"]'))
    site = parse_site(text, path=PATH)
    assert site.databases["todo"].users["todo"].grants["*"] == ("SELECT", "LOCK TABLES")


def test_redis_takes_patterns_of_keys_and_categories(changed: Callable[..., str]) -> None:
    text = changed(
        ('engine = "mariadb"', 'engine = "redis"'),
        ('{ "*" = ["SELECT", "INSERT", "UPDATE", "DELETE"] }', '{ "todo:*" = ["@read", "set"] }'),
    )
    site = parse_site(text, path=PATH)
    assert site.databases["todo"].users["todo"].grants["todo:*"] == ("@READ", "SET")


def test_lines_may_end_as_on_windows_and_begin_with_a_mark(example: str) -> None:
    text = "\ufeff" + example.replace("\n", "\r\n")
    assert parse_site(text, path=PATH).name == "todo"


def test_the_site_knows_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "holdfast.toml"
    path.write_text(MINIMAL)
    assert load_site(path).folder == tmp_path


def test_a_missing_file_is_made_by_init(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="there is no such file; holdfast init makes one"):
        load_site(tmp_path / "holdfast.toml")


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "holdfast.toml"
    path.write_text(MINIMAL + "#\n" * 600_000)
    with pytest.raises(SiteError, match="larger than 1048576 bytes"):
        load_site(path)


def test_a_file_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "holdfast.toml"
    path.write_bytes(MINIMAL.encode() + b"# caf\xe9\n")
    with pytest.raises(SiteError, match=r":4: it is not UTF-8; save it as UTF-8"):
        load_site(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="not a regular file"):
        load_site(tmp_path)


def test_a_named_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SiteError, match="not a regular file"):
        load_site(tmp_path / "pipe")


def test_a_file_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "holdfast.toml"
    path.write_text(MINIMAL)
    path.chmod(0o646)
    with pytest.raises(SiteError, match="everybody may write it"):
        load_site(path)


def test_a_path_that_cannot_be_is_refused() -> None:
    with pytest.raises(SiteError, match="cannot be read"):
        load_site(Path("a" * 5000))
    with pytest.raises(SiteError, match="cannot be read"):
        load_site(Path("a\0b"))
