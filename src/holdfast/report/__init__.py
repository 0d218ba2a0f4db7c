"""Findings, plans and attacks as a person or a program reads them."""
