"""What the lab raises."""


class LabError(Exception):
    """One message for a person: what failed, where, and the mend."""
