"""The gate's place in the accounts service: in front of every guess, and of what costs a mail."""
