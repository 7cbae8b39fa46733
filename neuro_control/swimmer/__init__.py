# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""NCAP: a C. elegans motor circuit that swims (Bhattasali, Zador and Engel, arXiv 2201.05242)."""
