"""Getting at machines: which are meant, where they are, and whether they answer."""
