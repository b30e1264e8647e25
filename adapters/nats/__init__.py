"""NATS JetStream: the bus of a platform whose parts run apart, its local server and its users' grants."""
