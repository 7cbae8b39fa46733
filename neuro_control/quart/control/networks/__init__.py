# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Networks of QUART: what reads a picture, words and a state, and says distributions over tokens.

| | |
| --- | --- |
| ``settings`` | what tells one network from another; it goes with the weights |
| ``base`` | what all have in common: outputs, and how they become a prediction |
| ``reading`` | words, letter group by letter group, as vectors |
| ``small`` | convolutions that the words steer (FiLM) |
| ``transformer`` | image patches, words and actions as tokens |
| ``bins``, ``codebook`` | tokenizers: actions as tokens, and back |
| ``prediction``, ``facts`` | what a policy needs to know of any network |
| ``build`` | the network that settings name |
| ``onnx`` | a network that was exported, without torch |
| ``large`` | a Fuyu model of ``transformers``, from a folder |
"""
