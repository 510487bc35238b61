"""The mode `paint` for consingan: turns a clip-art sketch into a picture in a photo's texture."""
