"""Applications that people sign in to here, by OpenID Connect: which there are, who may do what."""
