"""Making pictures of any size with trained networks: samples, reconstructions, repainted ones."""
