from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import cast

import pytest
from pydantic import ValidationError

from holdfast.site import Engine, Host, Role, Site, parse_site

PATH = Path("holdfast.toml")
LAST_DAY = date(2027, 3, 1)
AFTER = date(2027, 3, 2)


def names(things: tuple[object, ...]) -> list[str]:
    return [str(getattr(thing, "name", thing)) for thing in things]


def test_hosts_are_found_by_role(site: Site) -> None:
    assert names(site.hosts_with(Role.DATABASE)) == ["db"]


def test_a_host_may_have_several_roles(changed: Callable[..., str]) -> None:
    text = changed(('roles = ["backup"]', 'roles = ["backup", "app"]'))
    assert names(parse_site(text, path=PATH).hosts_with(Role.APP)) == ["app", "backup"]


def test_databases_and_apps_are_found_by_host(site: Site) -> None:
    assert names(site.databases_on("db")) == ["todo"]
    assert names(site.databases_on("app")) == []
    assert names(site.apps_on("app")) == ["todo"]
    assert names(site.apps_on("db")) == []


@pytest.mark.parametrize(
    ("engine", "port"),
    [
        (Engine.MARIADB, 3306),
        (Engine.MYSQL, 3306),
        (Engine.POSTGRESQL, 5432),
        (Engine.REDIS, 6379),
    ],
)
def test_each_engine_has_its_port(site: Site, engine: Engine, port: int) -> None:
    assert site.database_port(engine) == port


def test_the_way_to_a_host_begins_near_the_admin(changed: Callable[..., str]) -> None:
    text = changed(('quota = "200 GB"', 'through = "db"'))
    site = parse_site(text, path=PATH)
    assert names(site.way_to("backup")) == ["app", "db"]
    assert site.way_to("app") == ()


def test_an_exception_counts_until_the_end_of_its_last_day(site: Site) -> None:
    exception = site.exception_for("ssh.second-factor", "backup")
    assert exception is not None
    assert exception.because == "no person logs in"
    assert (exception.expired(LAST_DAY), exception.expired(AFTER)) == (False, True)


def test_an_exception_is_for_its_hosts_and_control_only(site: Site) -> None:
    assert site.exception_for("ssh.second-factor", "app") is None
    assert site.exception_for("ssh.jump", "backup") is None


def test_an_exception_without_hosts_and_date_is_for_all_and_ever(
    changed: Callable[..., str],
) -> None:
    text = changed(('hosts = ["backup"], ', ""), (", until = 2027-03-01", ""))
    exception = parse_site(text, path=PATH).exception_for("ssh.second-factor", "app")
    assert exception is not None
    assert not exception.expired(date.max)


def test_a_site_cannot_be_changed(site: Site) -> None:
    with pytest.raises(ValidationError):
        site.hosts["app"].name = "other"
    with pytest.raises(TypeError):
        cast(dict[str, Host], site.hosts)["other"] = site.hosts["app"]


def test_a_site_can_be_written_as_json_and_copied(site: Site) -> None:
    assert '"through":"app"' in site.model_dump_json()
    assert copy.copy(site) == site
