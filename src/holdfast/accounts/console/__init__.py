"""The console: what administrators, the support desk and auditors see of the service.

`site` is who gets in, `pages` what everything has in common, and a module each shows what it is
named after.
"""
