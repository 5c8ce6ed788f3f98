"""Images and guests that want to hurt, and sane ones that look a little like them."""
