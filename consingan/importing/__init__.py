"""Importing models of the published ConSinGAN code as run folders."""
