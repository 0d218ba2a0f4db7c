"""The process tree: a parent that has loaded everything, and workers that it forks and watches."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from holdfast.accounts import background
from holdfast.accounts.configuration import Configuration


class NotListening(Exception):
    """The address cannot be listened on; the message says why and the mend."""


THREADS = 4
GRACE_S = 30
HANGS_AFTER_S = 60
HOUSE_KEPT_EVERY_S = 3600.0
SEEN_EVERY_S = 10.0
COUNTS_TOLD_EVERY_S = 5.0
RARELY = (20_000, 20, 20)  # allocations before garbage is looked for
M_ARENA_MAX = -8  # of glibc's mallopt(3)


class Server(BaseApplication):
    """gunicorn, told by our configuration instead of its command line and environment."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
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
    from holdfast.accounts.webhooks.queue import courier as events

    chosen = settings.HOLDFAST
    gc.freeze()  # what was loaded before the fork stays, and stays shared
    gc.set_threshold(*RARELY)
    _share_memory()
    connections.close_all()
    queue.assign(worker.number, chosen.workers, os.cpu_count() or 1, chosen.data)
    queue.on_wait(metrics.HASH_WAIT.observe)
    if chosen.mail.get_secret_value():
        background.start(courier)
    background.start(events)
    background.start(_tell_counts)
    if worker.number == 0:
        background.start(_keep_house)
        background.start(_keep_seen)


def _share_memory() -> None:
    """Have the threads hash in one piece of memory, where glibc would keep one for each."""
    with contextlib.suppress(OSError, AttributeError):  # another C library has no such call
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def _keep_house() -> None:
    """Remove what has ended or is due, every hour."""
    while True:
        time.sleep(HOUSE_KEPT_EVERY_S)
        background.attempt(_remove_what_has_ended, "what has ended could not be removed")


def _remove_what_has_ended() -> None:
    from holdfast.accounts.api import once
    from holdfast.accounts.applications import grants
    from holdfast.accounts.gate import running
    from holdfast.accounts.people import sessions
    from holdfast.accounts.support import codes, looking, removals
    from holdfast.accounts.webhooks import queue

    removals.do_due()
    codes.forget_old()
    looking.forget_old()
    running.forget_old()
    sessions.forget_ended()
    once.forget_old()
    grants.forget_ended()
    queue.forget_sent()


def _tell_counts() -> None:
    """Add what the gate counted in this worker to what it counted in all."""
    from holdfast.accounts.gate.running import gate

    while True:
        time.sleep(COUNTS_TOLD_EVERY_S)
        background.attempt(gate().flush, "what the gate counted could not be kept")


def _keep_seen() -> None:
    """Keep the newest checkpoint of the trail outside the database."""
    from holdfast.accounts.trail import store

    while True:
        time.sleep(SEEN_EVERY_S)
        background.attempt(store.keep_seen, "the trail's checkpoint could not be kept")


def _forget(arbiter: Any, worker: Any) -> None:
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def serve(configuration: Configuration) -> None:
    """Serve until SIGTERM or SIGINT; requests under way get `GRACE_S` seconds to end."""
    _check(configuration.listen)
    Server(configuration).run()


@contextlib.contextmanager
def counted_together() -> Iterator[None]:
    """Have the numbers of all workers added up, for as long as the block runs.

    It comes before anything that counts is imported: prometheus_client looks once.
    """
    numbers = tempfile.mkdtemp(prefix="holdfast-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = numbers
    parent = os.getpid()
    try:
        yield
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
