"""The Unitree Go2: its messages, ways to it, rules, and the node that drives it."""
