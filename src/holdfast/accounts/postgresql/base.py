"""What Django loads where the settings name this engine."""

from __future__ import annotations

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Asks the server whether a connection is good only where it might not be.

    Django asks before each request's first statement, which takes as long as the statement does. A
    server that goes away closes its connections, and one that ends a connection says so: either
    makes the socket readable, as nothing else does between two statements.
    """

    def is_usable(self) -> bool:
        """Whether the connection works."""
        return self._is_quiet() or bool(super().is_usable())

    def _is_quiet(self) -> bool:
        """Whether it was good, and nothing has come since."""
        if self.connection is None or self.connection.closed or self.errors_occurred:
            return False
        waiting = select.poll()
        waiting.register(self.connection.fileno(), select.POLLIN)
        return not waiting.poll(0)
