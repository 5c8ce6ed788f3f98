"""How a guest's cards are set up: what is asked for, which of its ways is used, a writer a way."""
