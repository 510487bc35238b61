"""From trained networks to pictures of any size: samples, reconstructions, repainted ones."""
