"""Places: ensembles of spiking experts that recognise where a camera is (arXiv 2209.08723)."""
