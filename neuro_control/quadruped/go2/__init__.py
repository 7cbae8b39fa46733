"""The Unitree Go2: its messages, transports, rules and driver, and a simulated one."""
