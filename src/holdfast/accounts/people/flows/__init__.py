"""The stories of people, one file each: the rules live here, views only translate."""
