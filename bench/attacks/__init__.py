"""Simulated attacks on the real gate: a day of virtual time, attackers, owners, and a lockout."""
