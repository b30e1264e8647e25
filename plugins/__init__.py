"""Markets and models, each described by a card and a translator."""
