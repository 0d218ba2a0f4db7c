"""Apache in a throw-away server, in front of the accounts service of this machine."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from accounts.service import CHEAP, GENEROUS, Page, Service, free_port, wait_for
from holdfast.lab import Host

SITE, ACCOUNTS = "www.example.com", "accounts.example.com"
EXAMPLE = Path(__file__).parents[2] / "examples/apache/www.conf"
SECRET = "only-for-tests-" + "x" * 32
CERTIFICATE, KEY = "/etc/ssl/certs/www.example.com.pem", "/etc/ssl/private/www.example.com.key"
MODULES = ("ssl", "headers", "proxy", "proxy_http", "auth_openidc")
SITES = "/etc/apache2/sites-available"
INSTALLS_WITHIN_S = 300.0
PROXY = """\
OIDCCABundlePath {certificate}
<Location /members/often/>
    OIDCRefreshAccessTokenBeforeExpiry 600 logout_on_error
</Location>
<VirtualHost *:443>
    ServerName {name}
    SSLEngine On
    SSLCertificateFile {certificate}
    SSLCertificateKeyFile {key}
    ProxyPreserveHost On
    ProxyPass / http://{service}/
    RequestHeader set X-Forwarded-Proto https
</VirtualHost>
"""
SETTINGS = """\
origin = "https://{name}"
mail = "smtp://127.0.0.1:9"
proxies = 1
workers = 2

[applications.www]
name = "Example"
redirect = ["https://{site}/openid/signed-in"]
signed_out = ["https://{site}/"]
secret = "file:{secret}"
roles = ["MEMBER", "GUEST"]
everyone = ["GUEST"]
first_party = true
"""


def install(host: Host, conf: str, service: str, certificate: tuple[str, str]) -> None:
    """Set Apache up as the example's README says, with `conf` in place of its file."""
    installs = ["apt-get", "install", "-qy", "apache2", "libapache2-mod-auth-openidc"]
    host.check(["apt-get", "update", "-q"], timeout_s=INSTALLS_WITHIN_S)
    host.check(installs, timeout_s=INSTALLS_WITHIN_S)
    secrets = f'OIDCClientSecret "{SECRET}"\nOIDCCryptoPassphrase "{os.urandom(32).hex()}"\n'
    files = {
        "/etc/apache2/openid-secrets.conf": (secrets, "600"),
        f"{SITES}/www.conf": (conf, "644"),
        f"{SITES}/accounts.conf": (
            PROXY.format(certificate=CERTIFICATE, key=KEY, name=ACCOUNTS, service=service),
            "644",
        ),
        CERTIFICATE: (certificate[0], "644"),
        KEY: (certificate[1], "600"),
        "/srv/www/index.html": ("for everybody", "644"),
        "/srv/www/members/index.html": ("for members", "644"),
        "/srv/www/members/often/index.html": ("for members, asked often", "644"),
    }
    for path, (text, mode) in files.items():
        host.check(["install", "-D", "-m", mode, "/dev/stdin", path], input=text)
    host.check(["sh", "-c", f"echo 127.0.0.1 {SITE} {ACCOUNTS} >> /etc/hosts"])
    host.check(["a2enmod", "-q", *MODULES])
    host.check(["a2ensite", "-q", "www", "accounts"])
    host.check(["apache2ctl", "configtest"])
    host.check(["systemctl", "restart", "apache2"])


def configure(host: Host, conf: str) -> None:
    """Put another file in place of the example's."""
    host.check(["tee", f"{SITES}/www.conf"], input=conf)
    host.check(["systemctl", "restart", "apache2"])


def certified(*names: str) -> tuple[str, str]:
    """Return a certificate that nobody but its maker trusts, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(map(x509.DNSName, names)), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return built.public_bytes(serialization.Encoding.PEM).decode(), pem.decode()


@contextmanager
def serving_accounts(folder: Path, address: str, people: str) -> Iterator[Service]:
    """Run the accounts service at an address of this machine that the lab reaches."""
    secret, config, lines = folder / "secret", folder / "accounts.toml", folder / "people.jsonl"
    secret.touch(0o600)
    secret.write_text(SECRET)
    config.write_text(SETTINGS.format(name=ACCOUNTS, site=SITE, secret=secret) + GENEROUS + CHEAP)
    lines.write_text(people)
    holdfast = [sys.executable, "-m", "holdfast.cli.main"]
    data, said, port = folder / "data", folder / "said", free_port()
    run = [*holdfast, "people", "import", str(lines), "--data", str(data)]
    subprocess.run(run, check=True, capture_output=True, timeout=60)
    argv = [*holdfast, "serve", "--config", str(config), "--data", str(data)]
    with said.open("wb") as output:
        process = subprocess.Popen(
            [*argv, "--listen", f"{address}:{port}"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    service = Service(port, data, process, said)
    try:
        wait_for(lambda: _is_ready(service, address), within_s=30)
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _is_ready(service: Service, address: str) -> bool:
    assert service.process.poll() is None, service.log
    try:
        at = f"http://{address}:{service.port}/readyz"
        return httpx.get(at, headers={"host": ACCOUNTS}).status_code < 500
    except httpx.HTTPError:
        return False


class Visitor:
    """A browser of both names, with cookies for each; it trusts the certificate of the test."""

    def __init__(self, host: Host, certificate: str) -> None:
        trust = ssl.create_default_context(cadata=certificate)
        self.clients = {
            name: httpx.Client(verify=trust, base_url=f"https://{host.public}")
            for name in (SITE, ACCOUNTS)
        }

    def close(self) -> None:
        for client in self.clients.values():
            client.close()

    def send(self, method: str, url: str, data: dict[str, str] | None = None) -> Page:
        """Send one request and follow nothing."""
        asked = httpx.URL(url)
        answer = self.clients[asked.host].request(
            method,
            asked.raw_path.decode(),
            data=data,
            headers={"Host": asked.host, "Origin": f"https://{asked.host}"} | REFERER,
            extensions={"sni_hostname": asked.host},
        )
        cookies = answer.headers.get_list("set-cookie")
        headers = {name.title(): value for name, value in answer.headers.items()}
        return Page(answer.status_code, headers, answer.text, url, cookies)

    def get(self, url: str) -> Page:
        """Open an address, and go where it leads."""
        return self.follow(self.send("GET", url))

    def follow(self, page: Page) -> Page:
        for _ in range(10):
            if page.status not in (301, 302, 303):
                return page
            page = self.send("GET", str(httpx.URL(page.url).join(page.headers["Location"])))
        raise AssertionError("it leads in circles")

    def submit(self, page: Page, **given: str) -> Page:
        """Fill in the form of a page and send it to where the page is."""
        return self.follow(self.send("POST", page.url, {**page.form(), **given}))


REFERER = {"Referer": f"https://{ACCOUNTS}/"}
