"""The management API: `service` is the whole of it, a module each has what belongs together.

A request is let in by a key (`keys`), a write may be sent twice and happens once (`once`), and what
goes wrong is told as a problem (`problems`).
"""
