"""What every node shares: messages, parameters, controller base, simulation, processes."""
