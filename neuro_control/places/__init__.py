"""Places: ensembles of spiking experts that say where a camera is (arXiv 2209.08723)."""
