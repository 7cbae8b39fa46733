"""What all nodes share: messages, parameters, inputs, safety, diagnostics, lifecycle, processes."""
