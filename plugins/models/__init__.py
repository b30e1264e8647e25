"""One folder per market."""
