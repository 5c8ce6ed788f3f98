"""What a machine's domain says in the manifest's terms: what is there, what waits. Pure."""
