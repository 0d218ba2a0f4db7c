"""What an attacker with a GPU reaches on both kinds of puzzle; apart from the other benchmarks."""
