"""What LVM's volumes are called, what marks ours, how large they come out, and whether they fit."""
