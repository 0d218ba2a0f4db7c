"""Finding people by any part of a name or an address: `rows` keeps what `find` looks through."""
