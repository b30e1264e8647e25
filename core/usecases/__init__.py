"""What the platform does, one file per verb."""
