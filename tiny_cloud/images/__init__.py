"""What lies beside an image. Pure."""
