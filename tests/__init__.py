"""The tests: they mirror bot/; stories/ holds one promise of the product each."""
