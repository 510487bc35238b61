"""The mode `inpaint` for consingan: removes an object and fills the hole from the rest."""
