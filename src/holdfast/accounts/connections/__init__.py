"""Connections: identity providers that people sign in with, as administrators set them up."""
