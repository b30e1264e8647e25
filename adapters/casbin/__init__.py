"""The policy, decided by Casbin and compiled to scopes."""
