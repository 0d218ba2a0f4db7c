"""The trail: the tamper-evident record of everything that mattered.

`entry` is what is recorded, `merkle` how it is hashed, `note` how a state of it is signed, `log`
how entries are added and verified, `folder` where a trail is kept without a database, and `proof`
how one entry is shown to somebody who has nothing but the public key.
"""
