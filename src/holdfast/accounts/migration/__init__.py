"""People and applications of other systems, read from what those systems export."""
