"""The HTTP door (Falcon), as a server-neutral WSGI application."""
