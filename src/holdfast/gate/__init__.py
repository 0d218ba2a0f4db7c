"""What a visitor passes before a costly or guessable action: budgets, then work, then a wait."""
