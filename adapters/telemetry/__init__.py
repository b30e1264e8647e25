"""What the operator reads about a running platform."""
