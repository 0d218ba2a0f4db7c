"""The support desk: people are found, seen and helped, by agents who cannot harm them."""
