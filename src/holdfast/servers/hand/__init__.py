"""The program that runs on the host: standard library only, Python 3.9 and later.

It reads snapshots, carries out transactions and takes them back. It is shipped as a zipapp and
stands alone: nothing of the rest of Holdfast is imported here.
"""

VERSION = 1
