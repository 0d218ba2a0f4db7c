"""The programs that stand beside Holdfast in a benchmark, and how each is run fairly."""
