"""The command line: one module per verb, each parses and prints and decides nothing."""
