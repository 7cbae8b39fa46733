# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
