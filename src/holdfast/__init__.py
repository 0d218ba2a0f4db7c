"""Holdfast protects the data of an application's users."""

__version__ = "0.1.0"
