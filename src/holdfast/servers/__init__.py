"""The servers' half: hosts are read, judged, changed and attacked."""
