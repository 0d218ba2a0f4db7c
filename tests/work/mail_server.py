"""A Postfix of its own for a test, with the filter of `examples/mail` in front of it."""

from __future__ import annotations

import os
import shutil
import signal
import smtplib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path

from accounts.service import free_port, wait_for

EXAMPLE = Path(__file__).parents[2] / "examples/mail"
DOMAIN = "example.com"
NOBODY = 65534
REST = """
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Places:
    """The ports of Postfix to the outside, of the filter, and of Postfix behind it."""

    outside: int
    filter: int
    behind: int


@dataclass(frozen=True)
class MailServer:
    """A running mail server for anybody at DOMAIN."""

    folder: Path
    places: Places

    def send(self, *recipients: str, content: str, sender: str = "bob@example.net") -> None:
        """Hand a mail over, as a stranger does. Raises what smtplib does."""
        with smtplib.SMTP("127.0.0.1", self.places.outside, timeout=30) as client:
            client.sendmail(sender, recipients, content.encode())

    def arrived(self, subject: str) -> Message:
        """Wait for the mail of that subject."""
        wait_for(lambda: subject in self._mails(), 30)
        return self._mails()[subject]

    def has(self, subject: str) -> bool:
        return subject in self._mails()

    def _mails(self) -> dict[str, Message]:
        read = (message_from_bytes(path.read_bytes()) for path in self.folder.glob("mail/*/new/*"))
        return {str(mail["Subject"]): mail for mail in read}

    @contextmanager
    def filtering(self, *options: str) -> Iterator[None]:
        """Run the filter until the end of the block."""
        program = [sys.executable, str(EXAMPLE / "stamp_filter.py"), *options]
        between = [f"--listen=127.0.0.1:{self.places.filter}"]
        between += [f"--next=127.0.0.1:{self.places.behind}"]
        with (self.folder / "filter.log").open("ab") as log:
            process = subprocess.Popen([*program, *between], stderr=log, stdin=subprocess.DEVNULL)
        try:
            wait_for(lambda: _answers(self.places.filter), 30)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


def _answers(port: int) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=10):
            return True
    except OSError:
        return False


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Run Postfix until the end of the block, and remove what it wrote. It needs root."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-mail-"))
    folder.chmod(0o755)
    places = Places(free_port(), free_port(), free_port())
    try:
        _configure(folder, places)
        postfix = ["postfix", "-c", str(folder / "config")]
        started = subprocess.run([*postfix, "start"], capture_output=True, timeout=60, check=False)
        log = folder / "log/mail.log"
        assert started.returncode == 0, (started.stderr, log.exists() and log.read_text())
        try:
            wait_for(lambda: _answers(places.behind), 30)
            yield MailServer(folder, places)
        finally:
            subprocess.run([*postfix, "abort"], capture_output=True, timeout=60, check=True)
    finally:
        shutil.rmtree(folder)


def _configure(folder: Path, places: Places) -> None:
    for name in ("config", "queue", "data", "log", "mail"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    os.chown(folder / "mail", NOBODY, NOBODY)
    services = (EXAMPLE / "master.cf").read_text()
    services = services.replace("smtp      inet", f"127.0.0.1:{places.outside} inet")
    services = services.replace(":10025", f":{places.filter}").replace(
        ":10026", f":{places.behind}"
    )
    (folder / "config/master.cf").write_text(services + REST)
    settings = {
        "compatibility_level": "3.6",
        "queue_directory": folder / "queue",
        "data_directory": folder / "data",
        "maillog_file": folder / "log/mail.log",
        "maillog_file_prefixes": folder,
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "myhostname": f"mail.{DOMAIN}",
        "mydestination": "",
        "mynetworks": "192.0.2.1",  # so that this machine is a stranger
        "alias_maps": "",
        "virtual_mailbox_domains": DOMAIN,
        "virtual_mailbox_base": folder / "mail",
        "virtual_mailbox_maps": "static:inbox/",
        "virtual_uid_maps": f"static:{NOBODY}",
        "virtual_gid_maps": f"static:{NOBODY}",
    }
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    (folder / "config/main.cf").write_text(lines)
