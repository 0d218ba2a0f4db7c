"""Events are sent to other programs: `queue` says what waits, `sending` how one is sent."""
