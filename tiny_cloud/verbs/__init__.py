"""What tinycloud can be told to do: one file a verb, read only when it is meant."""
