"""The platform itself: what it knows (`domain`) and what it does (`usecases`)."""
