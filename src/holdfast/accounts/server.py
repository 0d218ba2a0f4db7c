"""The process tree: a parent that has loaded everything, and workers that it forks and watches."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from holdfast.accounts.configuration import Configuration

log = logging.getLogger(__name__)


class NotListening(Exception):
    """The address cannot be listened on; the message says why and the mend."""


THREADS = 4
GRACE_S = 30
HANGS_AFTER_S = 60
HOUSE_KEPT_EVERY_S = 3600.0
RARELY = (20_000, 20, 20)  # allocations before garbage is looked for


class Server(BaseApplication):
    """gunicorn, told by our configuration instead of its command line and environment."""

    def __init__(self, configuration: Configuration, numbers: Path) -> None:
        self.configuration = configuration
        self.numbers = numbers
        super().__init__()

    def load_config(self) -> None:
        chosen = self.configuration
        settings: dict[str, Any] = {
            "bind": [chosen.listen],
            "workers": chosen.workers,
            "threads": THREADS,
            "worker_class": "gthread",
            "preload_app": True,
            "timeout": HANGS_AFTER_S,
            "graceful_timeout": GRACE_S,
            "keepalive": 5,
            "limit_request_line": 4094,
            "limit_request_fields": 50,
            "limit_request_field_size": 8190,
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108
            "forwarded_allow_ips": "127.0.0.1,::1",
            "proc_name": "holdfast serve",
            "control_socket_disable": True,
            "loglevel": "warning",
            "pre_fork": _number,
            "post_fork": _begin,
            "child_exit": _forget,
        }
        for name, value in settings.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        from holdfast.accounts.wsgi import application

        return application


def _number(arbiter: Any, worker: Any) -> None:
    """Give a worker the lowest number that none of the living has: its place to hash in."""
    taken = {other.number for other in arbiter.WORKERS.values() if hasattr(other, "number")}
    worker.number = min(set(range(len(taken) + 1)) - taken)


def _begin(arbiter: Any, worker: Any) -> None:
    """Open what a worker has of its own: a place to hash in, connections, a courier."""
    from django.conf import settings
    from django.db import connections

    from holdfast.accounts import metrics
    from holdfast.accounts.mail.queue import courier
    from holdfast.accounts.passwords import queue

    chosen = settings.HOLDFAST
    gc.freeze()  # what was loaded before the fork stays, and stays shared
    gc.set_threshold(*RARELY)
    connections.close_all()
    queue.assign(worker.number, chosen.workers, os.cpu_count() or 1, chosen.data)
    queue.on_wait(metrics.HASH_WAIT.observe)
    if chosen.mail.get_secret_value():
        threading.Thread(target=courier, args=(threading.Event(),), daemon=True).start()
    if worker.number == 0:
        threading.Thread(target=_keep_house, args=(threading.Event(),), daemon=True).start()


def _keep_house(stop: threading.Event) -> None:
    """Remove what has ended, every hour; a database that is away for a while is asked again."""
    from django.db import DatabaseError, close_old_connections

    from holdfast.accounts.people import sessions

    while not stop.wait(HOUSE_KEPT_EVERY_S):
        try:
            close_old_connections()
            sessions.forget_ended()
        except DatabaseError:
            log.exception("what has ended could not be removed")


def _forget(arbiter: Any, worker: Any) -> None:
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def serve(configuration: Configuration) -> None:
    """Serve until SIGTERM or SIGINT; requests under way get `GRACE_S` seconds to end."""
    _check(configuration.listen)
    numbers = Path(tempfile.mkdtemp(prefix="holdfast-metrics-"))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(numbers)
    parent = os.getpid()
    try:
        Server(configuration, numbers).run()
    finally:
        if os.getpid() == parent:
            shutil.rmtree(numbers, ignore_errors=True)


def _check(listen: str) -> None:
    """Say at once what gunicorn would try for five seconds, and then say at length."""
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            raise NotListening(
                f"listen: {listen}: {error.strerror or error}: stop what listens there, or choose "
                "another with --listen ADDRESS:PORT"
            ) from None
