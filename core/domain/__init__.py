"""Values and rules of power and carbon markets. Knows no framework, no storage and no clock."""
