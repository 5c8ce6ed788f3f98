"""What networks, machines and guests have to know of each other's addresses. Pure."""
