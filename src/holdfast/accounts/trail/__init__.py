"""The trail of the accounts service, kept in its database: `store` writes it, `events` what."""
