"""Every figure of the docs, measured anew, side by side with peers where there are any."""
