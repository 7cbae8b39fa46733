"""What the training of every robot shares: optimisers, evolution, where the work is done."""
