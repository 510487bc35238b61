"""Models that the published ConSinGAN code trained, as run folders of ours."""
