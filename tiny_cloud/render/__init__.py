"""Plans and events become output: text for people, JSON for programs."""
