"""Writers, one a system: what a manifest wants and what a guest has become file edits."""
