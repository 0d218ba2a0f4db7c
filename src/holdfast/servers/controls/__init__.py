"""The controls, one file per family; `catalogue.py` finds them."""
