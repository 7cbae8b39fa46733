# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sizes beyond which what comes from outside is refused, before it takes memory or time.

They lie far above what the package's own files and messages need; SECURITY.md lists them.
"""

# Pixels of an image, in a message or a file: those of the largest camera that can be simulated.
MAX_PIXELS = 4096 * 4096
# Bytes of the file of an image.
MAX_IMAGE_BYTES = 2**28
# Bytes of a text that is read as a whole: a parameter file, a list of images.
MAX_TEXT_BYTES = 2**26
# Bytes of a YAML text, values in it with aliases resolved, and how deep they may nest.
MAX_YAML_BYTES = 2**22
MAX_YAML_VALUES = 100_000
MAX_YAML_DEPTH = 32
